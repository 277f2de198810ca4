"""Sessions over links that lose 5 % of all packets and delay the others by 50 ± 10 ms each way.

    python -m bench.chaos.loss [--sessions 6] [--seconds 60] [--short]

The client, the gateway and two replicas of each stage are in network namespaces of their own; every link between them
is as bad as that, in both directions. The engines are scripted. --short: two sessions of 15 s.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import babelmesh
from bench.chaos.listening import Damage, Heard, damage, listen, speech
from bench.chaos.namespaces import CLEAR, why_not
from bench.chaos.relay import Link
from bench.chaos.spread import HOSTS, spread_mesh
from bench.report import OUT, Goal, Rows, at_most, finish

BAD = Link(delay_ms=50, jitter_ms=10, loss=0.05)
END_SECONDS = 60.0  # for a session to be heard out once all is said
KINDS = ("lost", "doubled", "reordered")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the sessions."""

    damages: Sequence[Damage]
    errors: int
    notices: int  # of something that was degraded
    delivered: int  # packets
    dropped: int


def main() -> None:
    """Prints the table; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if reason := why_not():
        print(f"loss skipped: {reason}")
        return
    sessions, seconds = (2, 15.0) if options.short else (options.sessions, options.seconds)
    outcome = asyncio.run(rehearsed(sessions, seconds))
    name = "loss-short" if options.short else "loss"
    sys.exit(not finish(name, tables(outcome, seconds), goals(outcome)))


async def rehearsed(sessions: int, seconds: float) -> Outcome:
    """So many sessions over bad links."""
    pcm = speech(seconds)
    async with spread_mesh(OUT / "chaos" / "loss") as mesh:
        alone = Heard()
        await listen(mesh.address, pcm, alone, speed=0)
        links = list(combinations(HOSTS, 2))
        before = [await mesh.net.between(*ends, BAD) for ends in links]
        heard = [Heard() for _ in range(sessions)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(listen(mesh.address, pcm, each)) for each in heard]
            _, late = await asyncio.wait(tasks, timeout=seconds + END_SECONDS)
            for task in late:
                task.cancel()
        after = [await mesh.net.between(*ends, CLEAR) for ends in links]
    return Outcome(
        [damage(each, alone) for each in heard],
        sum(bool(each.failure) + _count(each, babelmesh.Error) for each in heard),
        sum(
            len(event.degraded) for each in heard for _, event in each.take.events if isinstance(event, babelmesh.Flow)
        ),
        sum(each.delivered for each in after) - sum(each.delivered for each in before),
        sum(each.dropped for each in after),
    )


def _count(heard: Heard, kind: type[object]) -> int:
    return sum(isinstance(event, kind) for _, event in heard.take.events)


def tables(outcome: Outcome, seconds: float) -> list[Rows]:
    """One row, and what went wrong."""
    columns = (
        "sessions",
        "s each",
        "packets",
        "of them lost",
        "errors",
        "words lost",
        "doubled",
        "reordered",
        "notices",
    )
    result = Rows("5 % loss, 50 ± 10 ms each way", columns)
    packets = outcome.delivered + outcome.dropped
    counts = (sum(getattr(each, kind) for each in outcome.damages) for kind in KINDS)
    share = f"{outcome.dropped / packets:.1%}"
    result.add(len(outcome.damages), seconds, packets, share, outcome.errors, *counts, outcome.notices)
    found = Rows("Faults", ("fault",))
    for fault in sorted({fault for each in outcome.damages for fault in each.faults}):
        found.add(fault)
    return [result, found] if found.rows else [result]


def goals(outcome: Outcome) -> dict[str, Goal]:
    """No error, nothing lost."""
    return {
        "R4.loss.errors": at_most(outcome.errors, 0),
        **{f"R4.loss.{kind}": at_most(sum(getattr(each, kind) for each in outcome.damages), 0) for kind in KINDS},
        "R4.loss.faults": at_most(sum(len(each.faults) for each in outcome.damages), 0),
    }


if __name__ == "__main__":
    main()
