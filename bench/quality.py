"""Quality and latency of the running mesh on recorded prompts.

    python -m bench.quality PROMPTS.jsonl [--targets es] [--sounds DIR] [--fast] [--parallel 4] [--server HOST:PORT]

A line of PROMPTS.jsonl has `id` (a sound file without its suffix), `text`, and a reference under each target's tag.
Without `--server` a mesh of the embedded engines is started for it. Word error rate by jiwer, lower-cased and without
punctuation; chrF and BLEU by sacrebleu over the final translations, as they are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import sacrebleu

import babelmesh
from bench.order import faults
from bench.processes import local_mesh
from bench.report import Goal, Rows, at_least, at_most, finish, percentile
from bench.take import Take, take
from bench.wer import find_sounds, normalized, read_g722
from services.common.audio import ASR_RATE, Pcm

PAUSE = np.zeros(ASR_RATE, dtype=np.int16)  # after each prompt, as a speaker would


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recording, what is said in it, and how that is said in each target."""

    name: str
    text: str
    references: dict[str, str]
    pcm: Pcm

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / ASR_RATE


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--targets", default="es", help="tags with commas between")
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    parser.add_argument("--fast", action="store_true", help="as fast as the stream takes it: no latencies then")
    parser.add_argument("--parallel", type=int, default=4, help="sessions at once")
    parser.add_argument("--server", default="", help="measure this mesh instead of one of our own")
    options = parser.parse_args()
    targets = options.targets.split(",")
    prompts = read_prompts(options.prompts, options.sounds or find_sounds(), targets)
    takes = asyncio.run(stream_all(prompts, targets, options))
    tables = [prompt_table(prompts, takes, targets), total_table(prompts, takes, targets, timed=not options.fast)]
    reached = finish("quality", tables, goals(prompts, takes, targets))
    sys.exit(not reached)


def read_prompts(path: Path, sounds: Path, targets: Sequence[str]) -> list[Prompt]:
    """The prompts of a file, with their audio."""
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [
        Prompt(
            entry["id"],
            entry["text"],
            {lang: entry[lang] for lang in targets if lang in entry},
            read_g722(sounds / f"{entry['id']}.g722"),
        )
        for entry in entries
    ]


async def stream_all(prompts: Sequence[Prompt], targets: Sequence[str], options: argparse.Namespace) -> list[Take]:
    """A session for each prompt, several at once."""
    places = asyncio.Semaphore(options.parallel)

    async def one(mesh: babelmesh.Mesh, prompt: Prompt) -> Take:
        async with places:
            return await take(mesh, np.concatenate((prompt.pcm, PAUSE)), targets, speed=0.0 if options.fast else 1.0)

    async with _address(options.server) as address, babelmesh.connect(address) as mesh, asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(mesh, prompt)) for prompt in prompts]
    return [task.result() for task in tasks]


@asynccontextmanager
async def _address(server: str) -> AsyncIterator[str]:
    if server:
        yield server
    else:
        async with local_mesh() as mesh:
            yield mesh.address


def prompt_table(prompts: Sequence[Prompt], takes: Sequence[Take], targets: Sequence[str]) -> Rows:
    """One row a prompt and target."""
    columns = (
        "prompt",
        "to",
        "seconds",
        "WER",
        "chrF",
        "first word s",
        "first audio s",
        "speech ratio",
        "dBFS",
        "faults",
    )
    table = Rows("Prompts", columns)
    for prompt, each in zip(prompts, takes, strict=True):
        for lang in targets:
            reference = prompt.references.get(lang)
            voice = each.voice(lang)
            table.add(
                prompt.name,
                lang,
                round(prompt.seconds, 1),
                word_error_rate([prompt], [each]),
                sacrebleu.sentence_chrf(each.translation(lang), [reference]).score if reference else None,
                each.first_word_seconds(lang),
                each.first_audio_seconds(lang),
                voice.seconds / prompt.seconds,
                voice.level_dbfs,
                "; ".join(faults(each)) or "none",
            )
    return table


def total_table(prompts: Sequence[Prompt], takes: Sequence[Take], targets: Sequence[str], timed: bool) -> Rows:
    """One row a target, over all prompts."""
    columns = ("to", "WER", "chrF", "BLEU", "first word p50", "p95", "first audio p50", "p95 ", "empty")
    table = Rows("All prompts", columns)
    for lang in targets:
        words = [each.first_word_seconds(lang) for each in takes] if timed else []
        audio = [each.first_audio_seconds(lang) for each in takes] if timed else []
        latencies = [
            percentile([value for value in values if value is not None], share)
            for values in (words, audio)
            for share in (0.5, 0.95)
        ]
        empty = sum(not each.translation(lang).strip() for each in takes)
        table.add(lang, word_error_rate(prompts, takes), *scores(prompts, takes, lang), *latencies, empty)
    return table


def word_error_rate(prompts: Sequence[Prompt], takes: Sequence[Take]) -> float:
    """Over all words of all prompts."""
    said, heard = [normalized(prompt.text) for prompt in prompts], [normalized(each.transcript) for each in takes]
    return float(jiwer.wer(said, heard))


def scores(prompts: Sequence[Prompt], takes: Sequence[Take], lang: str) -> tuple[float | None, float | None]:
    """chrF and BLEU of the prompts that have a reference."""
    pairs = [
        (each.translation(lang), prompt.references[lang])
        for prompt, each in zip(prompts, takes, strict=True)
        if lang in prompt.references
    ]
    if not pairs:
        return None, None
    ours, references = [list(side) for side in zip(*pairs, strict=True)]
    return sacrebleu.corpus_chrf(ours, [references]).score, sacrebleu.corpus_bleu(ours, [references]).score


def goals(prompts: Sequence[Prompt], takes: Sequence[Take], targets: Sequence[str]) -> dict[str, Goal]:
    """Nothing is empty, nothing is silent, nothing is out of order."""
    both = [(prompt, each, lang) for prompt, each in zip(prompts, takes, strict=True) for lang in targets]
    ratios = [each.voice(lang).seconds / prompt.seconds for prompt, each, lang in both]
    return {
        "quality.empty": at_most(sum(not each.translation(lang).strip() for _, each, lang in both), 0),
        "quality.faults": at_most(sum(len(faults(each)) for each in takes), 0),
        "quality.quietest_dbfs": at_least(min(each.voice(lang).level_dbfs for _, each, lang in both), -40),
        "quality.shortest_speech": at_least(min(ratios), 0.5),
        "quality.longest_speech": at_most(max(ratios), 2.0),
    }


if __name__ == "__main__":
    main()
