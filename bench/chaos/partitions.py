"""Links that go dead in the middle of sessions, and heal: what is lost, and how long after the heal it goes on.

    python -m bench.chaos.partitions [--sessions 6] [--short]

Every session speaks made-up words in real time through scripted engines: the gateway and two replicas of each stage, in
network namespaces of their own. For 5 and for 25 s no packet gets through between the gateway and one replica, the
gateway and all of them, the client and the gateway. --short: two sessions, 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.chaos.listening import Damage, Heard, damage, listen, speech
from bench.chaos.namespaces import BLACK_HOLE, CLEAR, Network, why_not
from bench.chaos.relay import Link
from bench.chaos.spread import CLIENT, GATEWAY, STAGES, spread_mesh
from bench.report import OUT, Goal, Rows, at_most, finish, percentile

BEFORE_SECONDS, AFTER_SECONDS = 5.0, 8.0  # of speech, around the cut
END_SECONDS = 45.0  # for a session to be heard out once all is said
RECOVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Links that are dead for a while."""

    name: str
    links: Sequence[tuple[str, str]]
    others_serve: bool = False  # then nobody has to wait for the heal


CUTS = (
    Cut("gateway - one replica of each stage", ((GATEWAY, STAGES[0]),), others_serve=True),
    Cut("gateway - every stage", tuple((GATEWAY, host) for host in STAGES)),
    Cut("client - gateway", ((CLIENT, GATEWAY),)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cut did to the sessions."""

    cut: Cut
    seconds: float
    damages: Sequence[Damage]
    recovered: Sequence[float]  # after the heal, one a session; empty where others served
    waited: float  # the longest without a transcript, from the cut to the heal
    dropped: int  # packets

    def count(self, kind: str) -> int:
        """Words "lost", "doubled" or "reordered", in all sessions."""
        return sum(getattr(each, kind) for each in self.damages)

    @property
    def faults(self) -> list[str]:
        """Of all sessions."""
        return [fault for each in self.damages for fault in each.faults]


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if reason := why_not():
        print(f"partitions skipped: {reason}")
        return
    lengths, sessions = ((5.0,), 2) if options.short else ((5.0, 25.0), options.sessions)
    outcomes = [asyncio.run(rehearsed(cut, seconds, sessions)) for seconds in lengths for cut in CUTS]
    name = "partitions-short" if options.short else "partitions"
    sys.exit(not finish(name, [table(outcomes), *fault_tables(outcomes)], goals(outcomes)))


async def rehearsed(cut: Cut, seconds: float, sessions: int) -> Outcome:
    """Cuts the links in the middle of so many sessions."""
    pcm = speech(BEFORE_SECONDS + seconds + AFTER_SECONDS)
    loop = asyncio.get_running_loop()
    async with spread_mesh(OUT / "chaos" / f"partitions-{cut.name.replace(' ', '')}-{seconds:g}") as mesh:
        alone = Heard()
        await listen(mesh.address, pcm, alone, speed=0)
        heard = [Heard() for _ in range(sessions)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(listen(mesh.address, pcm, each)) for each in heard]
            await asyncio.sleep(BEFORE_SECONDS)
            began = loop.time()
            await _all(mesh.net, cut, BLACK_HOLE)
            await asyncio.sleep(seconds)
            dropped = await _all(mesh.net, cut, CLEAR)
            healed = loop.time()
            _, late = await asyncio.wait(tasks, timeout=AFTER_SECONDS + seconds + END_SECONDS)
            for task in late:
                task.cancel()
        return Outcome(
            cut,
            seconds,
            [damage(each, alone) for each in heard],
            [] if cut.others_serve else [_or_never(each.recovered_seconds(healed)) for each in heard],
            max(each.longest_wait(began, healed) for each in heard),
            dropped,
        )


async def _all(net: Network, cut: Cut, link: Link) -> int:
    return sum([(await net.between(*ends, link)).dropped for ends in cut.links])


def _or_never(seconds: float | None) -> float:
    return END_SECONDS if seconds is None else seconds


def table(outcomes: Sequence[Outcome]) -> Rows:
    """One row a cut."""
    columns = ("dead link", "for s", "sessions", "packets dropped", "lost", "doubled", "reordered", "faults")
    result = Rows("Partitions", (*columns, "recovered s p50", "most", "longest wait while cut"))
    for each in outcomes:
        counts = (each.count(kind) for kind in ("lost", "doubled", "reordered"))
        recovered = (percentile(each.recovered, 0.5), max(each.recovered, default=None))
        sessions = (len(each.damages), each.dropped, *counts, len(each.faults))
        result.add(each.cut.name, each.seconds, *sessions, *recovered, each.waited)
    return result


def fault_tables(outcomes: Sequence[Outcome]) -> list[Rows]:
    """What went wrong, where anything did."""
    result = Rows("Faults", ("dead link", "for s", "fault"))
    for each in outcomes:
        for fault in sorted(set(each.faults)):
            result.add(each.cut.name, each.seconds, fault)
    return [result] if result.rows else []


def goals(outcomes: Sequence[Outcome]) -> dict[str, Goal]:
    """Resumed, nothing lost, and soon."""
    recovered = [seconds for each in outcomes for seconds in each.recovered]
    return {
        **{f"R4.partition.{kind}": at_most(sum(each.count(kind) for each in outcomes), 0) for kind in KINDS},
        "R4.partition.faults": at_most(sum(len(each.faults) for each in outcomes), 0),
        "R4.partition.recovered_s": at_most(max(recovered), RECOVERY_SECONDS),
    }


KINDS = ("lost", "doubled", "reordered")


if __name__ == "__main__":
    main()
