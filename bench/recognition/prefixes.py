"""When the recognizer's words may be concluded, and what its second pass buys, on recorded prompts.

    python -m bench.recognition.prefixes PROMPTS.jsonl [--sounds DIR]

A line of PROMPTS.jsonl has `id`, the name of a sound file without its suffix, and `text`. The engine `ASR_ENGINE` names
hears each prompt as a session of its own, through VAD and endpointing, as fast as it takes it. Each rule then hears
the same hypotheses. A word is late by the audio heard after its end when it was concluded, at the latest by the final;
it is contradicted when the cheapest alignment with its segment's final has no word, or another one, in its place;
capitals and marks do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np

from bench.measuring.report import Rows, finish, percentile
from bench.recognition.offline import Segment, hear, rules_of, started, word_error_rate
from bench.recognition.wer import PAUSE, Prompt, find_sounds, read_prompts
from services.asr.engine import PrefixRules, Stabilization, Word
from services.asr.settings import AsrSettings
from services.asr.stable_prefix import StablePrefix, key
from services.common.audio.pcm import ASR_RATE
from services.common.engines.selection import engine_class

RULES = [
    *(PrefixRules(held_words=held) for held in (0, 1, 2, 3)),
    *(PrefixRules(agreement=agreement, held_words=held) for agreement in (2, 3, 4, 5, 6) for held in (0, 1, 2)),
    PrefixRules(engine_told=True),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule made of all segments."""

    late_ms: list[float]
    concluded: int  # before the final
    contradicted: int


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    options = parser.parse_args()
    prompts = read_prompts(options.prompts, options.sounds or find_sounds())
    settings = AsrSettings()
    heard = asyncio.run(hear_all(prompts, settings))
    tables = [rules_table(list(flat(heard)), settings)]
    if settings.engine == "embedded":
        single = settings.model_copy(update={"embedded": settings.embedded.model_copy(update={"second_pass": False})})
        passes = {"two": heard, "one": asyncio.run(hear_all(prompts, single))}
        tables.append(passes_table(prompts, passes, settings))
    sys.exit(not finish("prefixes", tables, {}))


async def hear_all(prompts: Sequence[Prompt], settings: AsrSettings) -> list[list[Segment]]:
    """The segments of each prompt, with a second of silence before and after."""
    async with started(settings) as engine:
        return [
            await hear(engine, np.concatenate((PAUSE, prompt.pcm, PAUSE)), rules_of(settings), settings)
            for prompt in prompts
        ]


def conclude(segments: Iterable[Segment], rules: PrefixRules, every: int) -> Outcome:
    """What a rule makes of every so-manieth hypothesis."""
    late_samples: list[int] = []
    concluded = contradicted = 0
    for segment in segments:
        prefix = StablePrefix(rules)
        for heard_samples, hypothesis in segment.guesses[every - 1 :: every]:
            known = len(prefix.concluded)
            prefix.hear(hypothesis)
            late_samples += [heard_samples - word.end_samples for word in prefix.concluded[known:]]
        rest = segment.final[len(prefix.concluded) :]
        late_samples += [segment.ended_samples - word.end_samples for word in rest]
        concluded += len(prefix.concluded)
        contradicted += wrong_words(prefix.concluded, segment.final)
    return Outcome([samples * 1000 / ASR_RATE for samples in late_samples], concluded, contradicted)


def wrong_words(concluded: Sequence[Word], final: Sequence[Word]) -> int:
    """How many of the concluded words the final does not have; what it has beyond them is none."""
    if not concluded or not final:
        return len(concluded)
    said, kept = (" ".join(key(word.text) for word in words) for words in (concluded, final))
    found = jiwer.process_words(said, kept)
    return int(found.substitutions + found.deletions)


def rules_table(segments: Sequence[Segment], settings: AsrSettings) -> Rows:
    """One row a rule and cadence."""
    chosen = engine_class("asr", settings.engine).prefixes
    columns = ("hypotheses", "agree", "held", "engine", "late ms p50", "p95", "mean", "contradicted", "words", "chosen")
    table = Rows("Rules", columns)
    told = any(hypothesis.stable_words for segment in segments for _, hypothesis in segment.guesses)
    for every in (1, 2, 3):
        for rules in RULES:
            if rules.engine_told and not told:
                continue
            outcome = conclude(segments, rules, every)
            late = outcome.late_ms
            names = [mode.name for mode in Stabilization if every == 1 and chosen[mode] == rules]
            table.add(
                "all" if every == 1 else f"1 of {every}",
                rules.agreement,
                rules.held_words,
                "told" if rules.engine_told else "",
                *(round(value or 0) for value in (percentile(late, 0.5), percentile(late, 0.95), np.mean(late))),
                f"{outcome.contradicted / max(1, outcome.concluded):.1%}",
                outcome.concluded,
                " ".join(names),
            )
    return table


def passes_table(prompts: Sequence[Prompt], passes: dict[str, list[list[Segment]]], settings: AsrSettings) -> Rows:
    """Finals with and without a second pass, of short and of long prompts."""
    columns = ("passes", "prompts", "WER", "final s p50", "p95", "longest", "contradicted")
    table = Rows("Finals", columns)
    balanced = engine_class("asr", settings.engine).prefixes[Stabilization.BALANCED]
    for name, least, most in (("all", 0.0, math.inf), ("under 10 s", 0.0, 10.0), ("longer", 10.0, math.inf)):
        places = [n for n, prompt in enumerate(prompts) if least <= len(prompt.pcm) / ASR_RATE < most]
        for count, heard in passes.items():
            some = [heard[n] for n in places]
            took = [segment.final_seconds for segment in flat(some)]
            outcome = conclude(list(flat(some)), balanced, 1)
            table.add(
                count,
                name,
                word_error_rate([prompts[n] for n in places], some),
                percentile(took, 0.5),
                percentile(took, 0.95),
                max(took),
                f"{outcome.contradicted / max(1, outcome.concluded):.1%}",
            )
    return table


def flat(heard: Iterable[Iterable[Segment]]) -> Iterable[Segment]:
    """The segments of all prompts."""
    return (segment for each in heard for segment in each)


if __name__ == "__main__":
    main()
