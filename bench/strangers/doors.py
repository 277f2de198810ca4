"""What doors cost: processor time of the four processes for a second of a session, with each of them and without.

    python -m bench.strangers.doors [--sessions 10] [--seconds 12] [--pairs 5]

Meshes of four processes on scripted engines stand side by side: one in plaintext that asks for nothing, one with TLS
that is mutual between its processes, and one that asks for tokens; the first one's sessions with personal data and
profanity masked are an arm, too. Sessions speak English into Spanish captions and speech, in chunks of 100 ms; the
arms take turns. A session has a connection of its own: its handshake and its token are in the figure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import babelmesh
from bench.measuring import issuer
from bench.measuring.encrypted import Certificates, encrypted_mesh
from bench.measuring.processes import SCRIPTED, SERVICES, LocalMesh, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.strangers.rotation import LOUD_SECONDS, QUIET_SECONDS, Spoken

BOUND = 1.15
RELOAD_SECONDS = 5.0  # as services have it unless told otherwise
PLAIN, TLS, TOKENS, MASKS = "nothing", "TLS", "tokens", "masks"
SETTINGS = {**SCRIPTED, "ASR_VAD": "energy", "ASR_SLOTS": "64", "GATEWAY_SLOTS": "64"}


@dataclass(frozen=True, slots=True)
class Arm:
    """A mesh, and how its sessions are opened."""

    mesh: LocalMesh
    tls: babelmesh.Tls | None = None
    token: str | None = None
    config: babelmesh.SessionConfig | None = None


def main() -> None:
    """Prints the table; ends with status 1 when a door costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--pairs", type=int, default=5)
    told = parser.parse_args()
    found = asyncio.run(measure(told.sessions, told.seconds, told.pairs))
    sys.exit(not finish("doors", [table(found)], goals(found)))


async def measure(sessions: int, seconds: float, pairs: int) -> dict[str, list[dict[str, float]]]:
    """Processor seconds for a second of a session, by service, of each round of each arm."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (PLAIN, TLS, TOKENS, MASKS)}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="babelmesh-doors-")))
        certificates = await asyncio.to_thread(Certificates.made, folder, RELOAD_SECONDS)
        asks = {f"GATEWAY_{name.upper()}": value for name, value in issuer.settings(folder).items()}
        plain = await stack.enter_async_context(local_mesh(SETTINGS))
        asking = await stack.enter_async_context(local_mesh({**SETTINGS, **asks}))
        encrypted = await stack.enter_async_context(encrypted_mesh(certificates, SETTINGS))
        arms = {
            PLAIN: Arm(plain),
            TLS: Arm(encrypted, certificates.client()),
            TOKENS: Arm(asking, token=issuer.token()),
            MASKS: Arm(plain, config=babelmesh.SessionConfig(mask_pii=True, mask_profanity=True)),
        }
        for _ in range(pairs):
            for name, arm in arms.items():
                found[name].append(await round_of(arm, sessions, seconds))
    return found


async def round_of(arm: Arm, sessions: int, seconds: float) -> dict[str, float]:
    """One round of one arm."""
    stop, spoken = asyncio.Event(), [Spoken() for _ in range(sessions)]
    async with metered(arm.mesh) as usage, asyncio.TaskGroup() as tasks:
        for each in spoken:
            tasks.create_task(each.speak(arm.mesh.address, arm.tls, stop, arm.token, arm.config))
        await asyncio.sleep(seconds)
        stop.set()
    if any(each.failure or each.finals != each.utterances for each in spoken):
        raise RuntimeError("a session lost something: what it cost is no measure")
    talked = (LOUD_SECONDS + QUIET_SECONDS) * sum(each.utterances for each in spoken)
    return {service: usage.cpu_seconds[service] / talked for service in SERVICES}


def table(found: dict[str, list[dict[str, float]]]) -> Rows:
    """One row for each arm."""
    rows = Rows("Processor milliseconds for a second of a session, median", ("arm", *SERVICES, "all", "ratio"))
    for name, rounds in found.items():
        each = [1000 * median(one[service] for one in rounds) for service in SERVICES]
        rows.add(name, *each, 1000 * median(sum(one.values()) for one in rounds), ratio(found, name))
    return rows


def ratio(found: dict[str, list[dict[str, float]]], name: str) -> float:
    """An arm over the one without anything, the median of pairs."""
    pairs = zip(found[name], found[PLAIN], strict=True)
    return median(sum(one.values()) / sum(plain.values()) for one, plain in pairs)


def goals(found: dict[str, list[dict[str, float]]]) -> dict[str, Goal]:
    """What each may cost."""
    return {f"doors.{name}": at_most(ratio(found, name), BOUND) for name in (TLS, TOKENS, MASKS)}


if __name__ == "__main__":
    main()
