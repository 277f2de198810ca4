"""What TLS costs: processor time of the four processes for a second of a session, with it everywhere and without.

    python -m bench.strangers.encryption [--sessions 10] [--seconds 12] [--pairs 5]

Two meshes of four processes on scripted engines stand side by side, one in plaintext, one with TLS that is mutual
between its processes. Sessions speak English into Spanish captions and speech, in chunks of 100 ms; the arms take
turns. A session has a connection of its own: its handshake is in the figure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import babelmesh
from bench.measuring.encrypted import Certificates, encrypted_mesh
from bench.measuring.processes import SCRIPTED, SERVICES, LocalMesh, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.strangers.rotation import LOUD_SECONDS, QUIET_SECONDS, Spoken

BOUND = 1.15
RELOAD_SECONDS = 5.0  # as services have it unless told otherwise
PLAIN, TLS = "plaintext", "TLS"
SETTINGS = {**SCRIPTED, "ASR_VAD": "energy", "ASR_SLOTS": "64", "GATEWAY_SLOTS": "64"}


def main() -> None:
    """Prints the table; ends with status 1 when TLS costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--pairs", type=int, default=5)
    told = parser.parse_args()
    found = asyncio.run(measure(told.sessions, told.seconds, told.pairs))
    sys.exit(not finish("encryption", [table(found)], goals(found)))


async def measure(sessions: int, seconds: float, pairs: int) -> dict[str, list[dict[str, float]]]:
    """Processor seconds for a second of a session, by service, of each round of each arm."""
    found: dict[str, list[dict[str, float]]] = {PLAIN: [], TLS: []}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="babelmesh-tls-"))
        certificates = await asyncio.to_thread(Certificates.made, Path(folder), RELOAD_SECONDS)
        arms = {
            PLAIN: (await stack.enter_async_context(local_mesh(SETTINGS)), None),
            TLS: (await stack.enter_async_context(encrypted_mesh(certificates, SETTINGS)), certificates.client()),
        }
        for _ in range(pairs):
            for name, (mesh, tls) in arms.items():
                found[name].append(await round_of(mesh, tls, sessions, seconds))
    return found


async def round_of(mesh: LocalMesh, tls: babelmesh.Tls | None, sessions: int, seconds: float) -> dict[str, float]:
    """One round of one arm."""
    stop, spoken = asyncio.Event(), [Spoken() for _ in range(sessions)]
    async with metered(mesh) as usage, asyncio.TaskGroup() as tasks:
        for each in spoken:
            tasks.create_task(each.speak(mesh.address, tls, stop))
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
        rows.add(name, *each, 1000 * median(sum(one.values()) for one in rounds), ratio(found) if name == TLS else 1.0)
    return rows


def ratio(found: dict[str, list[dict[str, float]]]) -> float:
    """TLS over plaintext, the median of pairs."""
    pairs = zip(found[TLS], found[PLAIN], strict=True)
    return median(sum(tls.values()) / sum(plain.values()) for tls, plain in pairs)


def goals(found: dict[str, list[dict[str, float]]]) -> dict[str, Goal]:
    """What TLS may cost."""
    return {"encryption.cpu": at_most(ratio(found), BOUND)}


if __name__ == "__main__":
    main()
