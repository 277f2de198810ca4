"""Several sessions at once: each as correct as alone, and what they cost.

    python -m bench.load [--sessions 1,4,8] [--seconds 20] [--engines embedded|scripted] [--targets es,ca]

Every session streams real speech at real-time pace. Its results are compared with those of the same speech streamed
alone. Processor time and peak memory are those of each service with its children.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import babelmesh
from bench.order import faults
from bench.processes import SCRIPTED, SERVICES, LocalMesh, Usage, Variables, local_mesh, metered
from bench.report import Goal, Rows, at_most, finish, percentile
from bench.speech import talks
from bench.take import Take, take
from services.common.audio import Pcm

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


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", default="1,4,8", help="numbers with commas between")
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech in each session")
    parser.add_argument("--engines", choices=("embedded", "scripted"), default="embedded")
    parser.add_argument("--targets", default="es,ca", help="tags with commas between")
    options = parser.parse_args()
    counts = [int(count) for count in options.sessions.split(",")]
    speech = talks(min(MOST_TALKS, max(counts)), options.seconds)
    variables = SCRIPTED if options.engines == "scripted" else {}
    alone, rounds = asyncio.run(measure(counts, speech, options.targets.split(","), variables))
    tables = [session_table(rounds, alone), process_table(rounds)]
    sys.exit(not finish("load" if not variables else "load-scripted", tables, goals(rounds, alone)))


async def measure(
    counts: Sequence[int], speech: Sequence[Pcm], targets: Sequence[str], variables: Variables
) -> tuple[list[Take], list[Round]]:
    """Each talk alone, then the rounds."""
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
        await take(client, speech[0], targets, speed=0)  # what is loaded at first use is loaded now
        alone = [await take(client, talk, targets) for talk in speech]
        rounds = [await one_round(mesh, client, list(islice(cycle(speech), count)), targets) for count in counts]
    return alone, rounds


async def one_round(mesh: LocalMesh, client: babelmesh.Mesh, speech: Sequence[Pcm], targets: Sequence[str]) -> Round:
    """All talks at once, metered."""
    async with metered(mesh) as usage, asyncio.TaskGroup() as group:
        tasks = [group.create_task(take(client, talk, targets)) for talk in speech]
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
        "final text": [(each.translated_ms - each.captured_ms) / 1000 for each in ledger if each.translated_ms],
        "all sent": [(each.sent_ms - each.captured_ms) / 1000 for each in ledger if each.sent_ms],
    }
    return [(name, [value for value in values if value is not None]) for name, values in columns.items()]


def process_table(rounds: Sequence[Round]) -> Rows:
    """One row a round and service."""
    table = Rows("Processes", ("service", "sessions", "CPU s per stream-second", "peak RSS MiB"))
    for name in SERVICES:
        for each in rounds:
            cpu = each.usage.cpu_seconds[name] / each.stream_seconds
            table.add(name, each.sessions, cpu, each.usage.peak_rss_mib[name])
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


if __name__ == "__main__":
    main()
