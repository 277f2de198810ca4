"""Links that go dead in the middle of sessions, and heal: what is lost, and how long after the heal it goes on.

    python -m bench.chaos.partitions [--short] [--sessions 6] [--long 25] [--keep FOLDER]

The client, the gateway and two replicas of each stage are in network namespaces of their own. For 5 s, and again for
--long, no packet gets through between the gateway and one replica of each stage, then the gateway and all of them, then
the client and the gateway. *Recovered*: from the heal to the first transcript that the session's reader gets; not told
where others served.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from bench.chaos.ledger import Line, read_all
from bench.chaos.namespaces import BLACK_HOLE, CLEAR, Network, why_not
from bench.chaos.relay import Link
from bench.chaos.scene import Outcome, Verdict, folder, judged, options, play, share
from bench.chaos.spread import CLIENT, GATEWAY, REPLICAS, spread
from bench.chaos.talking import Load
from bench.measuring.report import Goal, Rows, at_most, percentile

WARM_SECONDS, AFTER_SECONDS = 6.0, 8.0
SHORT_CUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Links that are dead for a while."""

    name: str
    links: Sequence[tuple[str, str]]
    others_serve: bool = False  # then nobody has to wait for the heal


CUTS = (
    Cut("gateway - one replica of each stage", ((GATEWAY, REPLICAS[0]),), others_serve=True),
    Cut("gateway - every stage", tuple((GATEWAY, host) for host in REPLICAS)),
    Cut("client - gateway", ((CLIENT, GATEWAY),)),
)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a cut did to the sessions."""

    cut: Cut
    seconds: float
    verdict: Verdict
    recovered: Sequence[float]  # one a session; infinity where it never did, empty where others served
    waited: float  # the longest without a transcript, from the cut to the heal
    dropped: int  # packets


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, sessions=(6, 2), long=(25.0, 0.0))
    if reason := why_not():
        print(f"partitions skipped: {reason}")
        return
    play("partitions", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Every cut, in a fleet of its own."""
    lengths = [SHORT_CUT_SECONDS, *([told.long] if told.long else [])]
    made = [await rehearsed(cut, seconds, told) for seconds in lengths for cut in CUTS]
    return Outcome([table(made), *(verdict_table(each) for each in made)], goals(made))


async def rehearsed(cut: Cut, seconds: float, told: argparse.Namespace) -> Rehearsal:
    """Cuts the links in the middle of the sessions."""
    with folder(told) as kept:
        path = Path(kept) / f"{cut.name.replace(' ', '')}-{seconds:g}"
        async with spread(path / "mesh", told.seed) as mesh:
            async with Load(told.sessions).at(mesh.fleet.address, path / "ledgers"):
                await asyncio.sleep(WARM_SECONDS)
                began = time.monotonic()
                await _all(mesh.net, cut, BLACK_HOLE)
                await asyncio.sleep(seconds)
                dropped = await _all(mesh.net, cut, CLEAR)
                healed = time.monotonic()
                await asyncio.sleep(AFTER_SECONDS)
            verdict = await judged(path / "ledgers")
            sessions = list(read_all(path / "ledgers").values())
    recovered = [] if cut.others_serve else [first_after(lines, healed) for lines in sessions]
    return Rehearsal(
        cut, seconds, verdict, recovered, max(longest_wait(lines, began, healed) for lines in sessions), dropped
    )


async def _all(net: Network, cut: Cut, link: Link) -> int:
    return sum([(await net.between(*ends, link)).dropped for ends in cut.links])


def first_after(lines: Sequence[Line], healed: float) -> float:
    """Seconds from the heal to the reader's next transcript; infinity without one."""
    return next((at - healed for at in _transcripts(lines) if at > healed), float("inf"))


def longest_wait(lines: Sequence[Line], start: float, end: float) -> float:
    """The longest time without a transcript between two moments."""
    times = [start, *(at for at in _transcripts(lines) if start < at < end), end]
    return max(after - before for before, after in pairwise(times))


def _transcripts(lines: Sequence[Line]) -> list[float]:
    return [line["t"] for line in lines if line["kind"] == "asr" and not line.get("dropped")]


def table(made: Sequence[Rehearsal]) -> Rows:
    """One row a cut."""
    columns = ("dead link", "for s", "packets dropped", "faults", "recovered s p50", "most")
    result = Rows("Partitions", (*columns, "longest wait while cut"))
    for each in made:
        faults = sum(each.verdict.counts.values())
        recovered = (percentile(each.recovered, 0.5), max(each.recovered, default=None))
        result.add(each.cut.name, each.seconds, each.dropped, faults, *recovered, each.waited)
    return result


def verdict_table(made: Rehearsal) -> Rows:
    """What the checkers said, under the name of the cut."""
    return replace(made.verdict.table, title=f"{made.cut.name}, {made.seconds:g} s: {made.verdict.table.title}")


def goals(made: Sequence[Rehearsal]) -> dict[str, Goal]:
    """Resumed, nothing lost, and soon: the worst of all cuts."""
    clean = [each.verdict.clean("R4.partition") for each in made]
    worst = {name: max((each[name] for each in clean), key=lambda goal: goal.value) for name in clean[0]}
    recovered = [seconds for each in made for seconds in each.recovered]
    return {**worst, "R4.partition.recovered_s": at_most(share(recovered, 1.0), 1.0)}


if __name__ == "__main__":
    main()
