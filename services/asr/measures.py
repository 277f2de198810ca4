"""Metrics of the stage's finals: their latency, real-time factor and confidence."""

from __future__ import annotations

from enum import StrEnum

from services.asr.segments import Result
from services.common.audio.pcm import ASR_RATE
from services.common.telemetry import metrics

_DURATION = metrics.histogram("babelmesh.engine.duration")
_REAL_TIME_FACTOR = metrics.histogram("babelmesh.real_time_factor")
_AUDIO = metrics.counter("babelmesh.asr.audio")
_SEGMENTS = metrics.counter("babelmesh.asr.segments")
_CONFIDENCE = metrics.histogram("babelmesh.asr.confidence")


class Ending(StrEnum):
    """The cause that ended a segment."""

    ENDPOINT = "endpoint"  # silence, or a gap in the audio
    SPLIT = "split"  # it was the longest there may be
    COMMIT = "commit"  # who speaks asked for it, or the audio ended


class Measures:
    """Records metrics of one session's segments, labelled with the engine's name of their language."""

    def final(self, result: Result, ending: Ending, audio_samples: int, compute_seconds: float) -> None:
        """Record a final of `audio_samples`, for which the engine was awaited `compute_seconds`."""
        of_language = {"source_lang": result.language.tag}
        of_stage = {**of_language, "stage": "asr"}
        audio_seconds = audio_samples / ASR_RATE
        _DURATION.record(compute_seconds, of_stage)
        if audio_samples:
            _REAL_TIME_FACTOR.record(compute_seconds / audio_seconds, of_stage)
        _AUDIO.add(audio_seconds, of_language)
        _SEGMENTS.add(1, {**of_language, "reason": ending.value})
        if result.confidence:  # 0: the recognizer does not tell
            _CONFIDENCE.record(result.confidence, of_language)
