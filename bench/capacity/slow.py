"""A machine that is far too slow: is anything that was said lost, and how late is it?

    python -m bench.capacity.slow [--engines default] [--seconds 12] [--share 0.05] [--hold 6] [--sessions 6]
                                 [--project DIR]

Recorded English is streamed at its own pace, and nothing may give way (BLOCK): undisturbed; with the recognizer left so
much of one processor; with the recognizer stopped twice for so long; and in so many sessions at once. Each is compared
with the same talk undisturbed. *Lost* is audio that was left out, by name. *Late* is the longest from the end of a
phrase, had its client not been held, to its final transcript. `--project` measures another checkout.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import jiwer

import babelmesh
from babelmesh.client.events import short_name
from bench.measuring.order import faults
from bench.measuring.processes import LocalMesh, Variables, local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.speech import talks
from bench.measuring.take import Take, captions, take
from bench.measuring.throttling import hold, throttled
from bench.sessions import engines
from services.common.audio.pcm import Pcm

TARGETS = ("es",)
FIRST_SECONDS = 2.0  # of speech, before the recognizer is first stopped
BETWEEN_SECONDS = 1.5
LAST_SECONDS = 900.0  # within which everything must have come


@dataclass(frozen=True, slots=True)
class Arm:
    """What was made of some talks in one way."""

    name: str
    takes: Sequence[Take]
    how: str = ""


def main() -> None:
    """Prints the table; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="of speech in each session")
    parser.add_argument("--share", type=float, default=0.05, help="of one processor, for the recognizer")
    parser.add_argument("--hold", type=float, default=6.0, help="seconds that the recognizer is stopped, twice")
    parser.add_argument("--sessions", type=int, default=6, help="at once")
    parser.add_argument("--project", type=Path, help="another checkout to measure")
    engines.add_option(parser)
    told = parser.parse_args()
    variables = engines.flat(told.engines)
    arms = asyncio.run(measure(told, variables))
    name = "slow" if told.engines == "default" else f"slow-{told.engines}"
    name += "-before" if told.project else ""
    sys.exit(not finish(name, [table(arms)], goals(arms)))


async def measure(told: argparse.Namespace, variables: Variables) -> list[Arm]:
    """The talks undisturbed, then each way."""
    speech = talks(told.sessions, told.seconds)
    project = told.project.resolve() if told.project else None
    async with mesh(variables, project) as (_, client):
        takes = [await listened(client, talk) for talk in speech]
        async with asyncio.TaskGroup() as group:
            several = [group.create_task(listened(client, talk)) for talk in speech]
    arms = [Arm("undisturbed", takes), Arm(f"{told.sessions} sessions", [task.result() for task in several])]
    async with mesh(variables, project) as (up, client):
        async with throttled(up.processes["asr"], told.share) as how:
            starved = await listened(client, speech[0])
        arms.append(Arm(f"{told.share:.0%} of a processor", [starved], how))
    async with mesh(variables, project) as (up, client), asyncio.TaskGroup() as group:
        listening = group.create_task(listened(client, speech[0]))
        for pause in (FIRST_SECONDS, BETWEEN_SECONDS):
            await asyncio.sleep(pause)
            await hold(up.processes["asr"], told.hold)
        arms.append(Arm(f"stopped for {told.hold:g} s, twice", [await listening]))
    return arms


@asynccontextmanager
async def mesh(variables: Variables, project: Path | None) -> AsyncIterator[tuple[LocalMesh, babelmesh.Mesh]]:
    """A mesh that has recognized something."""
    async with local_mesh(variables, project) as up, babelmesh.connect(up.address) as client:
        await take(client, talks(1, 3.0)[0], captions(TARGETS), speed=0)
        yield up, client


async def listened(client: babelmesh.Mesh, speech: Pcm) -> Take:
    """One session in real time. One that fails, or is not over in time, has said what it has said."""
    result = Take(len(speech) / 16_000, TARGETS)
    try:
        async with asyncio.timeout(LAST_SECONDS):
            return await take(client, speech, captions(TARGETS))
    except (babelmesh.SessionFailed, TimeoutError):
        return result


def lost_seconds(each: Take) -> float:
    """Audio that was left out by name."""
    flows = [event for _, event in each.events if isinstance(event, babelmesh.Flow)]
    return sum(gap.to_ms - gap.from_ms for flow in flows for gap in flow.gaps) / 1000


def late_seconds(each: Take) -> float:
    """The longest from the end of a phrase to its final transcript."""
    finals = [(at, event) for at, event in each.events if isinstance(event, babelmesh.AsrResult) and event.final]
    return max((at - event.end_ms / 1000 for at, event in finals), default=float("inf"))


def told(each: Take) -> str:
    """What the client was told of, in few words."""
    flows = [event for _, event in each.events if isinstance(event, babelmesh.Flow)]
    reasons = {
        f"{short_name(babelmesh.Stage, less.stage)} {short_name(babelmesh.DegradedReason, less.reason)}"
        for flow in flows
        for less in flow.degraded
    }
    return ", ".join(
        sorted(reasons | {short_name(babelmesh.GapReason, gap.reason) for flow in flows for gap in flow.gaps})
    )


def wer(quiet: Arm, arm: Arm) -> float:
    """Of the talk that fared worst: words heard otherwise than undisturbed, per word."""
    pairs = zip(quiet.takes, arm.takes, strict=False)
    return max(float(jiwer.wer(one.transcript.lower(), other.transcript.lower() or "-")) for one, other in pairs)


def table(arms: Sequence[Arm]) -> Rows:
    """One row an arm."""
    rows = Rows("Slow machines", ("way", "sessions", "lost s", "word error rate", "faults", "late s", "told", "how"))
    for arm in arms:
        found = sum(len(faults(each)) for each in arm.takes)
        late = max(map(late_seconds, arm.takes))
        said = ", ".join(sorted({told(each) for each in arm.takes} - {""}))
        rows.add(
            arm.name, len(arm.takes), sum(map(lost_seconds, arm.takes)), wer(arms[0], arm), found, late, said, arm.how
        )
    return rows


def goals(arms: Sequence[Arm]) -> dict[str, Goal]:
    """Nothing is lost; all words are those of an undisturbed run."""
    disturbed = arms[1:]
    return {
        "slow.lost_s": at_most(sum(lost_seconds(each) for arm in disturbed for each in arm.takes), 0),
        "slow.faults": at_most(sum(len(faults(each)) for arm in disturbed for each in arm.takes), 0),
        "slow.wer": at_most(max(wer(arms[0], arm) for arm in disturbed), 0),
    }


if __name__ == "__main__":
    main()
