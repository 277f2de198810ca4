"""Several sessions at once: each as correct as alone, and what they cost.

    python -m bench.capacity.load [--sessions 1,4,8] [--seconds 20] [--engines default] [--targets es,pt] [--voice]

Every session streams real speech at real-time pace, into captions, with `--voice` into speech as well. Its results are
compared with those of the same speech streamed alone. Processor time and peak memory are those of each service with its
children. Memory is bounded by the proportional share (PSS): the sum of what is resident (RSS) counts what the children
share once for each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import babelmesh
from bench.measuring.order import faults
from bench.measuring.processes import SERVICES, LocalMesh, Usage, Variables, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.take import Take, captions, take
from bench.sessions import engines
from services.common.audio.pcm import Pcm

MOST_TALKS = 4

Column = tuple[str, list[float]]


@dataclass(frozen=True, slots=True)
class Round:
    """So many sessions at once, and what the services used."""

    sessions: int
    takes: Sequence[Take]
    usage: Usage

    @property
    def stream_seconds(self) -> float:
        """Audio streamed, of all sessions."""
        return sum(each.source_seconds for each in self.takes)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each session asks for."""

    targets: Sequence[str]
    captions_only: bool

    async def take(self, client: babelmesh.Mesh, speech: Pcm, speed: float = 1.0) -> Take:
        """One session."""
        targets = captions(self.targets) if self.captions_only else self.targets
        return await take(client, speech, targets, speed)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", default="1,4,8", help="numbers with commas between")
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech in each session")
    parser.add_argument("--targets", default="es,pt", help="tags with commas between")
    parser.add_argument("--voice", action="store_true", help="translations are spoken, too")
    engines.add_option(parser)
    options = parser.parse_args()
    counts = [int(count) for count in options.sessions.split(",")]
    speech = talks(min(MOST_TALKS, max(counts)), options.seconds)
    wanted = Wanted(options.targets.split(","), captions_only=not options.voice)
    alone, rounds = asyncio.run(measure(counts, speech, wanted, engines.flat(options.engines)))
    tables = [session_table(rounds, alone), process_table(rounds)]
    name = "load" if options.engines == "default" else f"load-{options.engines}"
    reached = goals(rounds, alone) | (costs(rounds) if name == "load" and not options.voice else {})
    sys.exit(not finish(name, tables, reached))


async def measure(
    counts: Sequence[int], speech: Sequence[Pcm], wanted: Wanted, variables: Variables
) -> tuple[list[Take], list[Round]]:
    """Each talk alone, then the rounds."""
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
        await wanted.take(client, speech[0], speed=0)  # what is loaded at first use is loaded now
        alone = [await wanted.take(client, talk) for talk in speech]
        rounds = [await one_round(mesh, client, list(islice(cycle(speech), count)), wanted) for count in counts]
    return alone, rounds


async def one_round(mesh: LocalMesh, client: babelmesh.Mesh, speech: Sequence[Pcm], wanted: Wanted) -> Round:
    """All talks at once, metered."""
    async with metered(mesh) as usage, asyncio.TaskGroup() as group:
        tasks = [group.create_task(wanted.take(client, talk)) for talk in speech]
    return Round(len(speech), [task.result() for task in tasks], usage)


def session_table(rounds: Sequence[Round], alone: Sequence[Take]) -> Rows:
    """One row a round."""
    latencies = [f"{name} {share}" for name, _ in latency_columns(alone) for share in ("p50", "p95")]
    table = Rows("Sessions at once", ("sessions", "same text", "same target", "faults", *latencies))
    for each in rounds:
        same, of_all = same_translations(each, alone)
        values = [percentile(column, share) for _, column in latency_columns(each.takes) for share in (0.5, 0.95)]
        found = sum(len(faults(heard)) for heard in each.takes)
        table.add(each.sessions, f"{same_transcripts(each, alone)}/{each.sessions}", f"{same}/{of_all}", found, *values)
    return table


def latency_columns(takes: Sequence[Take]) -> list[Column]:
    """Seconds: to the first word and audio of each session and target, and after each segment's last sample."""
    both = [(heard, lang) for heard in takes for lang in heard.targets]
    ledger = [event for heard in takes for _, event in heard.events if isinstance(event, babelmesh.Latency)]
    columns: Mapping[str, Sequence[float | None]] = {
        "first word": [heard.first_word_seconds(lang) for heard, lang in both],
        "first audio": [heard.first_audio_seconds(lang) for heard, lang in both],
        "final text": [
            (each.translated_ms - each.captured_ms) / 1000 for each in ledger if each.HasField("translated_ms")
        ],
        "all sent": [(each.sent_ms - each.captured_ms) / 1000 for each in ledger if each.sent_ms],
    }
    return [(name, [value for value in values if value is not None]) for name, values in columns.items()]


def process_table(rounds: Sequence[Round]) -> Rows:
    """One row a round and service."""
    table = Rows("Processes", ("service", "sessions", "CPU s per stream-second", "peak RSS MiB", "peak PSS MiB"))
    for name in SERVICES:
        for each in rounds:
            cpu = each.usage.cpu_seconds[name] / each.stream_seconds
            table.add(name, each.sessions, cpu, each.usage.peak_rss_mib[name], each.usage.peak_pss_mib[name])
    return table


def same_transcripts(each: Round, alone: Sequence[Take]) -> int:
    """How many sessions were heard as they were alone."""
    return sum(heard.transcript == quiet.transcript for heard, quiet in zip(each.takes, cycle(alone), strict=False))


def same_translations(each: Round, alone: Sequence[Take]) -> tuple[int, int]:
    """How many final translations, session by session, are as they were alone, and of how many.

    They may differ: which interim transcripts are translated depends on how busy the machine is, and what was concluded
    from one is kept.
    """
    pairs = [
        (heard, quiet, lang) for heard, quiet in zip(each.takes, cycle(alone), strict=False) for lang in heard.targets
    ]
    return sum(heard.translation(lang) == quiet.translation(lang) for heard, quiet, lang in pairs), len(pairs)


def goals(rounds: Sequence[Round], alone: Sequence[Take]) -> dict[str, Goal]:
    """Nobody hears of the others."""
    found = sum(len(faults(heard)) for each in rounds for heard in each.takes)
    different = sum(each.sessions - same_transcripts(each, alone) for each in rounds)
    return {"load.faults": at_most(found, 0), "load.other_transcripts": at_most(different, 0)}


def costs(rounds: Sequence[Round]) -> dict[str, Goal]:
    """What the default engines may cost, and how late many sessions may be against one alone."""
    by_count = {each.sessions: each for each in rounds}
    finals = {count: _final_p95(each) for count, each in by_count.items()}
    reached = {
        f"load.lag_{count}": at_most(finals[count] / finals[1], bound)
        for count, bound in ((4, 2.0), (8, 3.0))
        if count in finals and 1 in finals
    }
    if most := by_count.get(8):
        reached["load.asr_cpu"] = at_most(most.usage.cpu_seconds["asr"] / most.stream_seconds, 0.12)
        reached["load.asr_pss_mib"] = at_most(most.usage.peak_pss_mib["asr"], 500)
        reached["load.mt_pss_mib"] = at_most(most.usage.peak_pss_mib["mt"], 300)
    return reached


def _final_p95(each: Round) -> float:
    """From the end of a segment's speech to its final translation, in seconds."""
    late = [seconds for heard in each.takes for lang in heard.targets for seconds in heard.final_seconds(lang)]
    return percentile(late, 0.95) or 0.0


if __name__ == "__main__":
    main()
