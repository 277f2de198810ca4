"""Envoy in front of two gateways: TLS, long streams, an even spread, drain, and what it takes in unasked.

    python -m bench.capacity.envoy [--short] [--minutes 30] [--sessions 6] [--keep FOLDER]

It runs deploy/envoy on other ports, with a certificate of its own making. Two gateways, one replica of each stage on
scripted engines, sessions at the pace of speech. *Held* is a run of so many minutes without a disturbance; *drained*
stops one gateway after the other; *cut* has Envoy end every stream after some seconds, so that clients resume through
it; *stuck* counts the audio a client could write past the announced backlog while nothing moves.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import babelmesh
from bench.capacity import flow
from bench.capacity.fronted import MISSING, Front, Host, find, fronted
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.scene import Verdict, folder, judged, options
from bench.chaos.talking import Load, Wishes
from bench.measuring.order import faults
from bench.measuring.processes import local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.speech import talks
from bench.measuring.take import take
from services.common.audio.pcm import Pcm

LOOK_SECONDS = 1.0
WARM_SECONDS = 3.0
CUT_SECONDS = 4.0
DRAIN_SECONDS = 20
DRAINING = {"GATEWAY_DRAIN_SECONDS": str(DRAIN_SECONDS)}
STUCK_SECONDS = 25.0
OTHERS = 2
# Beside the two seconds of a mesh without a proxy: a window from the client that nobody reads, and one in the stream
# towards the gateway, each of 65,535 bytes at 32,000 bytes a second.
HIDDEN_SECONDS = 2.0 + 2 * 65_535 / 32_000


@dataclass(slots=True)
class Results:
    """What the phases found."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    resumed: dict[str, int] = field(default_factory=dict)  # calls beyond a session's first
    let_in: int = 0  # clients without TLS, or without trust in the certificate
    versions: set[str] = field(default_factory=set)  # of TLS, by the access log
    spread: int = 0  # most that one gateway had more sessions than the other
    noticed: list[float] = field(default_factory=list)  # seconds from SIGTERM until Envoy gives a gateway nothing new
    ended: list[float] = field(default_factory=list)  # seconds from SIGTERM until the gateway's end
    hidden: dict[str, float] = field(default_factory=dict)  # seconds of audio beyond the backlog, by standstill
    beside: int = 0  # faults of the sessions beside those


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, minutes=(30.0, 0.06), sessions=(6, 4))
    if find() is None:
        sys.exit(MISSING)
    results = asyncio.run(measured(told))
    sys.exit(not finish(f"envoy{'-short' if told.short else ''}", tables(told, results), goals(results)))


async def measured(told: argparse.Namespace) -> Results:
    """All phases; the first two of a short run."""
    results = Results()
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(asr=1, mt=1, tts=1, gateways=2, variables=DRAINING), path / "mesh") as up:
            async with ahead(up, path / "front") as front:
                results.let_in = await strangers(front)
                await held(told, front, path / "held", results)
                await drained(told, (up, front), path / "drained", results)
                results.versions = {str(call["tls"]) for call in front.calls()}
            if not told.short:
                async with ahead(up, path / "impatient", CUT_SECONDS) as front:
                    await cut(told, front, path / "cut", results)
        for standstill in () if told.short else flow.STANDSTILLS:
            await stuck(standstill, path / standstill.name, results)
    return results


def ahead(up: Fleet, place: Path, longest_seconds: float = 0) -> AbstractAsyncContextManager[Front]:
    """Envoy in front of a fleet's gateways."""
    place.mkdir(parents=True)
    return fronted(up.address.split(","), place, longest_seconds)


async def strangers(front: Front) -> int:
    """How many are let in who speak no TLS, or do not trust the certificate; and who is not, and should be."""
    plain = front.address.partition("://")[2]
    wrong = [await answers(plain, None), await answers(front.address, None), not await answers(front.address, front.ca)]
    return sum(wrong)


async def answers(address: str, ca: Path | None) -> bool:
    """Whether a call gets an answer there."""
    async with babelmesh.connect(address, babelmesh.Tls(ca)) as mesh:
        try:
            await mesh.describe()
        except babelmesh.SessionFailed:
            return False
    return True


async def held(told: argparse.Namespace, front: Front, ledgers: Path, results: Results) -> None:
    """Sessions to the end, and how evenly they lie."""
    async with watched(told, front, ledgers, results):
        until = time.monotonic() + 60 * told.minutes
        await asyncio.sleep(WARM_SECONDS)
        while time.monotonic() < until:
            streams = [host.streams for host in (await front.hosts()).values()]
            results.spread = max(results.spread, max(streams) - min(streams))
            await asyncio.sleep(LOOK_SECONDS)


async def drained(told: argparse.Namespace, mesh: tuple[Fleet, Front], ledgers: Path, results: Results) -> None:
    """Each gateway is stopped under its sessions, as a rolling update does it."""
    up, front = mesh
    async with watched(told, front, ledgers, results):
        await asyncio.sleep(WARM_SECONDS)
        for name in up.names("gateway"):
            asked = up[name].terminate()
            results.noticed.append(await front.until(partial(_is_out, up[name].address)) - asked)
            results.ended.append(await up[name].ended() - asked)
            await up[name].serving()
            await front.until(_all_are_in)


def _is_out(address: str, hosts: Mapping[str, Host]) -> bool:
    return not hosts[address].healthy


def _all_are_in(hosts: Mapping[str, Host]) -> bool:
    return all(host.healthy for host in hosts.values())


async def cut(told: argparse.Namespace, front: Front, ledgers: Path, results: Results) -> None:
    """Streams that Envoy ends in the middle of speech."""
    async with watched(told, front, ledgers, results):
        await asyncio.sleep(4 * CUT_SECONDS)


@asynccontextmanager
async def watched(told: argparse.Namespace, front: Front, ledgers: Path, results: Results) -> AsyncIterator[None]:
    """Sessions for the block; afterwards, what the checkers find, and how often a session was resumed."""
    before = await front.begun()
    async with Load(told.sessions, Wishes(ca=front.ca)).at(front.address, ledgers):
        yield
    results.resumed[ledgers.name] = await front.begun() - before - told.sessions
    results.verdicts[ledgers.name] = await judged(ledgers)


async def stuck(standstill: flow.Standstill, place: Path, results: Results) -> None:
    """One session that comes to a standstill, and others at the same gateway that must not notice."""
    await asyncio.to_thread(place.mkdir, parents=True)
    first, *rest = talks(1 + OTHERS, STUCK_SECONDS)
    async with (
        local_mesh(standstill.variables) as mesh,
        fronted([mesh.address], place) as front,
        babelmesh.connect(front.address, babelmesh.Tls(front.ca)) as client,
        asyncio.TaskGroup() as group,
    ):
        still = group.create_task(flow.stand_still(client, first, standstill))
        others = [group.create_task(beside(front, pcm)) for pcm in rest]
    began = still.result().written_at_standstill is not None
    results.hidden[standstill.name] = still.result().excess if began else float("inf")
    results.beside += sum(each.result() for each in others)


async def beside(front: Front, pcm: Pcm) -> int:
    """How much is wrong with a session that nothing is the matter with."""
    async with babelmesh.connect(front.address, babelmesh.Tls(front.ca)) as client:
        try:
            async with asyncio.timeout(2 * STUCK_SECONDS):
                return len(faults(await take(client, pcm, [flow.FREE_LANG])))
        except TimeoutError:
            return 1


def tables(told: argparse.Namespace, results: Results) -> list[Rows]:
    """One of all phases, one of the standstills, and the checkers' own of the long run."""
    phases = Rows("Through Envoy", ("phase", "sessions", "segments", "words lost", "other faults", "resumed"))
    for phase, verdict in results.verdicts.items():
        rest = sum(verdict.counts.values()) - verdict.counts["lost"]
        name = f"held for {told.minutes:g} min" if phase == "held" else phase
        phases.add(name, told.sessions, verdict.segments, verdict.counts["lost"], rest, results.resumed[phase])
    drains = Rows("Gateways stopped", ("from SIGTERM, s", "gateway-1", "gateway-2"))
    drains.add("nothing new from Envoy", *results.noticed)
    drains.add("its end", *results.ended)
    hidden = Rows("Standstills", ("standstill", "audio taken beyond the backlog, s"))
    for name, seconds in results.hidden.items():
        hidden.add(name, seconds)
    facts = Rows("The rest", ("what", "found"))
    facts.add("TLS of all calls", ", ".join(sorted(results.versions)))
    facts.add("most sessions one gateway had more than the other", results.spread)
    return [results.verdicts["held"].table, phases, drains, *([hidden] if hidden.rows else []), facts]


def goals(results: Results) -> dict[str, Goal]:
    """Nothing is lost, and little is hidden."""
    counts = [verdict.counts for verdict in results.verdicts.values()]
    silent = sum(not verdict.segments for verdict in results.verdicts.values())
    unmoved = sum(not results.resumed[phase] for phase in ("drained", "cut") if phase in results.resumed)
    hidden = {"envoy.hidden_s": at_most(max(results.hidden.values()), HIDDEN_SECONDS)} if results.hidden else {}
    return {
        "envoy.lost": at_most(sum(each["lost"] for each in counts), 0),
        "envoy.faults": at_most(sum(sum(each.values()) for each in counts) + silent + results.beside, 0),
        "envoy.unencrypted": at_most(results.let_in + len(results.versions - {"TLSv1.3", "TLSv1.2"}), 0),
        "envoy.spread": at_most(results.spread, 1),
        "envoy.undisturbed": at_most(unmoved, 0),
        "envoy.noticed_s": at_most(max(results.noticed), 3.0),
        "envoy.drained_s": at_most(max(results.ended), DRAIN_SECONDS),
        **hidden,
    }


if __name__ == "__main__":
    main()
