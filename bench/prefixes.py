"""When the recognizer's words may be concluded, and what its second pass buys, on recorded prompts.

    python -m bench.prefixes PROMPTS.jsonl [--sounds DIR]

A line of PROMPTS.jsonl has `id`, the name of a sound file without its suffix, and `text`. The engine `ASR_ENGINE` names
hears each prompt as a session of its own, through VAD and endpointing, as fast as it takes it. Each rule then hears
the same hypotheses. A word is late by the audio heard after its end when it was concluded, at the latest by the final;
it is contradicted when the cheapest alignment with its segment's final has no word, or another one, in its place.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np

from bench.report import Rows, finish, percentile
from bench.wer import PAUSE, Prompt, find_sounds, normalized, read_prompts
from services.asr.endpointing import EndpointingRules
from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, PrefixRules, Speech, Stabilization, Word
from services.asr.gate import Gate
from services.asr.settings import AsrSettings
from services.asr.stable_prefix import StablePrefix
from services.asr.vad import make_vad
from services.common.audio import ASR_RATE
from services.common.engines import engine_class

CHUNK_SAMPLES = ASR_RATE // 10
RULES = [
    *(PrefixRules(agreement=agreement, held_words=held) for agreement in (1, 2, 3, 4) for held in (0, 1, 2, 3)),
    PrefixRules(engine_told=True),
]


@dataclass(slots=True)
class Segment:
    """What the engine made of one."""

    guesses: list[tuple[int, Hypothesis]] = field(default_factory=list)  # with the offset of the audio heard before it
    final: tuple[Word, ...] = ()
    ended_samples: int = 0  # audio heard before the final
    audio_seconds: float = 0.0
    final_seconds: float = 0.0  # what the final took to compute


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
    """The segments of each prompt."""
    engine: Engine = engine_class("asr", settings.engine)(settings)
    await engine.start()
    try:
        return [await hear(engine, prompt, settings) for prompt in prompts]
    finally:
        await engine.stop()


async def hear(engine: Engine, prompt: Prompt, settings: AsrSettings) -> list[Segment]:
    """A session, with a second of silence before and after."""
    pcm = np.concatenate((PAUSE, prompt.pcm, PAUSE))
    gate = Gate(make_vad(settings.vad), rules_of(settings), settings.pre_roll_ms * ASR_RATE // 1000)
    segments = [Segment()]
    asked = 0.0

    async def speech() -> AsyncIterator[Heard]:
        nonlocal asked
        for start in range(0, len(pcm), CHUNK_SAMPLES):
            last = start + CHUNK_SAMPLES >= len(pcm)
            for gated in (*gate.hear(pcm[start : start + CHUNK_SAMPLES]), *(gate.finish() if last else ())):
                if isinstance(gated, Speech):
                    segments[-1].audio_seconds += len(gated.pcm) / ASR_RATE
                if isinstance(gated, Speech | Endpoint):
                    asked = time.perf_counter()
                    yield gated

    async for hypothesis in engine.recognize(speech(), engine.languages[0]):
        if hypothesis.final:
            segments[-1].final, segments[-1].ended_samples = hypothesis.words, gate.passed_samples
            segments[-1].final_seconds = time.perf_counter() - asked
            segments.append(Segment())
        else:
            segments[-1].guesses.append((gate.passed_samples, hypothesis))
    return segments[:-1]


def rules_of(settings: AsrSettings) -> EndpointingRules:
    """The stage's endpointing, as its settings have it."""
    per_ms = ASR_RATE // 1000
    return EndpointingRules(
        trailing_silence_samples=settings.trailing_silence_ms * per_ms,
        max_segment_samples=settings.max_segment_ms * per_ms,
        least_silence_samples=settings.least_silence_ms * per_ms,
    )


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
    found = jiwer.process_words(" ".join(word.text for word in concluded), " ".join(word.text for word in final))
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
    """One row for finals with, and one without a second pass."""
    columns = ("passes", "WER", "final s p50", "p95", "longest", "s per s of speech", "contradicted")
    table = Rows("Finals", columns)
    balanced = engine_class("asr", settings.engine).prefixes[Stabilization.BALANCED]
    for name, heard in passes.items():
        segments = list(flat(heard))
        took = [segment.final_seconds for segment in segments]
        said = [normalized(prompt.text) for prompt in prompts]
        texts = [" ".join(word.text for segment in each for word in segment.final) for each in heard]
        outcome = conclude(segments, balanced, 1)
        table.add(
            name,
            jiwer.wer(said, [normalized(text) for text in texts]),
            percentile(took, 0.5),
            percentile(took, 0.95),
            max(took),
            sum(took) / sum(segment.audio_seconds for segment in segments),
            f"{outcome.contradicted / max(1, outcome.concluded):.1%}",
        )
    return table


def flat(heard: Iterable[Iterable[Segment]]) -> Iterable[Segment]:
    """The segments of all prompts."""
    return (segment for each in heard for segment in each)


if __name__ == "__main__":
    main()
