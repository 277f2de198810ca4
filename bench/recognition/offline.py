"""An engine fed through VAD and endpointing as fast as it takes it: what it said, on the audio clock."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain

import jiwer

from bench.recognition.wer import Prompt, normalized
from services.asr.endpointing import EndpointingRules
from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, Speech, Word
from services.asr.gate import Gate
from services.asr.settings import AsrSettings
from services.asr.vad import make_vad
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.engines.selection import engine_class

CHUNK_SAMPLES = ASR_RATE // 10


@dataclass(slots=True)
class Segment:
    """What the engine made of one."""

    guesses: list[tuple[int, Hypothesis]] = field(default_factory=list)  # with the offset of the audio heard before it
    final: tuple[Word, ...] = ()
    ended_samples: int = 0  # audio heard before the final
    speech_start_samples: int = 0
    speech_end_samples: int = 0
    final_seconds: float = 0.0  # what the final took to compute


def rules_of(settings: AsrSettings) -> EndpointingRules:
    """The stage's endpointing, as its settings have it."""
    per_ms = ASR_RATE // 1000
    return EndpointingRules(
        trailing_silence_samples=settings.trailing_silence_ms * per_ms,
        max_segment_samples=settings.max_segment_ms * per_ms,
        least_silence_samples=settings.least_silence_ms * per_ms,
    )


@asynccontextmanager
async def started(settings: AsrSettings) -> AsyncIterator[Engine]:
    """The engine the settings name."""
    engine: Engine = engine_class("asr", settings.engine)(settings)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def hear(
    engine: Engine, pcm: Pcm, rules: EndpointingRules, settings: AsrSettings, language: str = ""
) -> list[Segment]:
    """The segments of a session, in the engine's first language unless another is named."""
    gate = Gate(make_vad(settings.vad), rules, settings.pre_roll_ms * ASR_RATE // 1000)
    segments = [Segment()]
    asked = 0.0

    async def speech() -> AsyncIterator[Heard]:
        nonlocal asked
        for start in range(0, len(pcm), CHUNK_SAMPLES):
            rest = gate.finish() if start + CHUNK_SAMPLES >= len(pcm) else ()
            for gated in chain(gate.hear(pcm[start : start + CHUNK_SAMPLES]), rest):
                if isinstance(gated, Speech | Endpoint):
                    asked = time.perf_counter()
                    yield gated

    async for hypothesis in engine.recognize(speech(), language or engine.languages[0]):
        segment = segments[-1]
        if not hypothesis.final:
            if not segment.guesses:
                segment.speech_start_samples = gate.speech_start_samples
            segment.guesses.append((gate.passed_samples, hypothesis))
            continue
        segment.final_seconds = time.perf_counter() - asked
        segment.final, segment.ended_samples = hypothesis.words, gate.passed_samples
        segment.speech_end_samples = gate.speech_end_samples
        segments.append(Segment())
    return segments[:-1]


def word_error_rate(prompts: Sequence[Prompt], heard: Sequence[Sequence[Segment]]) -> float:
    """Over all words of all prompts."""
    texts = [" ".join(word.text for segment in each for word in segment.final) for each in heard]
    return float(jiwer.wer([normalized(prompt.text) for prompt in prompts], [normalized(text) for text in texts]))
