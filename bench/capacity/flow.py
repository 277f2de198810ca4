"""What the mesh takes in when something is stuck, and what the other sessions feel of it.

    python -m bench.capacity.flow [--seconds 20] [--pairs 2] [--others 3]

One session, whose language a stage never answers for or whose client stops reading, streams real speech at real-time
pace. Counted is the audio its client could write after the standstill, less the backlog the server announces. Other
sessions run at the same time, and alone for comparison. A last table tells what one gRPC hop takes in by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import babelmesh
from babelmesh.client.audio import duration_ms
from babelmesh.client.events import Event
from bench.measuring.hop import HOPS, accepted_bytes
from bench.measuring.processes import SCRIPTED, Variables, local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.stuck import STUCK_LANG
from bench.measuring.take import Take, chunks, take
from services.common.audio.pcm import ASR_RATE, Pcm

FREE_LANG = "es"
PATIENT: Variables = {**SCRIPTED, "GATEWAY_STAGE_TIMEOUT_MS": "120000", "GATEWAY_CLIENT_STALL_MS": "120000"}


@dataclass(frozen=True, slots=True)
class Standstill:
    """Something stuck. `begins` tells the event after which nothing moves any more."""

    name: str
    variables: Variables
    begins: Callable[[Event], bool]
    reads_on: bool = True  # whether the client keeps reading


def _speech_wanted(event: Event) -> bool:
    return isinstance(event, babelmesh.TranslationResult) and event.stable_length > 0


def _translation_wanted(event: Event) -> bool:
    return isinstance(event, babelmesh.AsrResult) and event.stable_length > 0


def _speech_came(event: Event) -> bool:
    return isinstance(event, babelmesh.TtsChunk)


STANDSTILLS = (
    Standstill("stuck TTS", {**PATIENT, "TTS_ENGINE": "bench.measuring.stuck:Tts"}, _speech_wanted),
    Standstill("stuck MT", {**PATIENT, "MT_ENGINE": "bench.measuring.stuck:Mt"}, _translation_wanted),
    Standstill("client that does not read", PATIENT, _speech_came, reads_on=False),
)


@dataclass(slots=True)
class Held:
    """A session that came to a standstill, in seconds of audio."""

    backlog: float = 0.0  # what the server announces to take in
    written: float = 0.0
    written_at_standstill: float | None = None

    @property
    def excess(self) -> float:
        """What was taken in beyond the backlog."""
        before = self.written if self.written_at_standstill is None else self.written_at_standstill
        return self.written - before - self.backlog


@dataclass(slots=True)
class Outcome:
    """A standstill and its surroundings: segment latencies of the others in seconds, alone and beside it."""

    held: list[Held] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech in each session")
    parser.add_argument("--pairs", type=int, default=2, help="runs alone and beside the standstill, taking turns")
    parser.add_argument("--others", type=int, default=3, help="sessions beside the stuck one")
    options = parser.parse_args()
    speech = talks(options.others + 1, options.seconds)
    outcomes = [asyncio.run(measure(standstill, speech, options.pairs)) for standstill in STANDSTILLS]
    tables = [standstill_table(outcomes), hop_table()]
    sys.exit(not finish("flow", tables, goals(outcomes)))


async def measure(standstill: Standstill, speech: Sequence[Pcm], pairs: int) -> Outcome:
    """The others alone, then beside the standstill, and again."""
    outcome = Outcome()
    async with local_mesh(standstill.variables) as mesh, babelmesh.connect(mesh.address) as client:
        for _ in range(pairs):
            outcome.alone += latencies(await together(client, speech[1:]))
            async with babelmesh.connect(mesh.address) as stuck_client, asyncio.TaskGroup() as group:
                stuck = group.create_task(stand_still(stuck_client, speech[0], standstill))
                outcome.beside += latencies(await together(client, speech[1:]))
            outcome.held.append(stuck.result())
    return outcome


async def together(client: babelmesh.Mesh, speech: Sequence[Pcm]) -> list[Take]:
    """Sessions at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take(client, talk, [FREE_LANG])) for talk in speech]
    return [task.result() for task in tasks]


def latencies(takes: Sequence[Take]) -> list[float]:
    """From the last sample of each segment to the last message about it, in seconds."""
    ledger = [event for each in takes for _, event in each.events if isinstance(event, babelmesh.Latency)]
    return [(entry.sent_ms - entry.captured_ms) / 1000 for entry in ledger]


async def stand_still(client: babelmesh.Mesh, pcm: Pcm, standstill: Standstill) -> Held:
    """Streams for as long as the speech lasts, whether it is taken or not."""
    held = Held()
    config = babelmesh.SessionConfig(partial_results=True)
    async with client.session("en", [STUCK_LANG], config) as session:
        held.backlog = session.ready.limits.max_backlog_ms / 1000
        events = session.translate(counted(pcm, held))
        try:
            async with asyncio.timeout(len(pcm) / ASR_RATE):
                async for event in events:
                    if held.written_at_standstill is None and standstill.begins(event):
                        held.written_at_standstill = held.written
                        if not standstill.reads_on:
                            break
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        session.stop_feeding()
    return held


async def counted(pcm: Pcm, held: Held) -> AsyncIterator[bytes]:
    """The speech; what is asked for next means that what came before was written."""
    async for chunk in chunks(pcm, speed=1.0):
        yield chunk
        held.written += duration_ms(chunk) / 1000


def standstill_table(outcomes: Sequence[Outcome]) -> Rows:
    """One row a standstill."""
    columns = (
        "standstill",
        "backlog s",
        "written after it s",
        "beyond backlog s",
        "others p99 alone s",
        "beside s",
        "ratio",
    )
    table = Rows("Standstills", columns)
    for standstill, outcome in zip(STANDSTILLS, outcomes, strict=True):
        worst = max(outcome.held, key=lambda held: held.excess)
        alone, beside = percentile(outcome.alone, 0.99), percentile(outcome.beside, 0.99)
        written = worst.excess + worst.backlog
        table.add(standstill.name, worst.backlog, written, worst.excess, alone, beside, ratio(outcome))
    return table


def ratio(outcome: Outcome) -> float:
    """The others' 99th percentile beside the standstill, relative to alone."""
    alone, beside = percentile(outcome.alone, 0.99), percentile(outcome.beside, 0.99)
    return beside / alone if alone and beside else float("inf")


def hop_table() -> Rows:
    """One row a set of options."""
    table = Rows("One gRPC hop that nobody reads from", ("options", "bytes taken in", "seconds of 16 kHz audio"))
    for hop in HOPS:
        accepted = asyncio.run(accepted_bytes(hop))
        table.add(hop.name, accepted, accepted / 2 / ASR_RATE)
    return table


def goals(outcomes: Sequence[Outcome]) -> dict[str, Goal]:
    """Everything holds soon, and nobody else notices."""
    began = all(held.written_at_standstill is not None for outcome in outcomes for held in outcome.held)
    worst = max(held.excess for outcome in outcomes for held in outcome.held)
    return {
        "C4.accepted": at_most(worst if began else float("inf"), 2.0),
        "C4.others": at_most(max(ratio(outcome) for outcome in outcomes), 1.2),
    }


if __name__ == "__main__":
    main()
