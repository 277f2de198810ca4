from __future__ import annotations

import numpy as np
import pytest

from babelmesh import AsrResult, TranslationResult, TtsChunk
from bench.measuring.report import percentile
from bench.measuring.take import Take, Voice


def chunk(level: int, silent_samples: int = 0) -> TtsChunk:
    pcm = np.full(800, level, dtype=np.int16)
    pcm[:silent_samples] = 0
    return TtsChunk(data=pcm.tobytes(), sample_rate=8_000, target_lang="es")


def test_latencies_count_from_the_onset_of_speech() -> None:
    take = Take(3.0, ["es"])
    take.events += [
        (1.0, AsrResult(segment_id=1, text="a", start_ms=600)),
        (1.2, TranslationResult(target_lang="es", text="x", stable_length=0)),
        (1.5, TranslationResult(target_lang="ca", text="y", stable_length=1)),
        (1.6, TranslationResult(target_lang="es", text="x z", stable_length=1)),
        (2.0, chunk(0)),
        (2.1, chunk(9_000, silent_samples=400)),
    ]
    assert take.first_word_seconds("es") == pytest.approx(1.0)
    assert take.first_audio_seconds("es") == pytest.approx(2.1 + 0.05 - 0.6)  # the first audible sample, not the first
    assert take.first_word_seconds("fr") is None
    assert take.first_audio_seconds("fr") is None


def test_the_first_word_of_each_segment_counts_from_its_own_onset() -> None:
    take = Take(9.0, ["es"])
    take.events += [
        (1.0, AsrResult(segment_id=1, text="a", start_ms=600)),
        (1.2, TranslationResult(target_lang="es", segment_id=1, text="x")),
        (5.0, AsrResult(segment_id=2, text="b", start_ms=4_000)),
        (5.5, TranslationResult(target_lang="es", segment_id=2, text=" ")),
        (6.0, TranslationResult(target_lang="es", segment_id=2, text="y")),
        (7.0, TranslationResult(target_lang="es", segment_id=2, text="y z", final=True)),
    ]
    assert take.shown_seconds("es") == pytest.approx([0.6, 2.0])


def test_a_level_is_relative_to_full_scale() -> None:
    assert Voice(np.full(100, 16_384, dtype=np.int16), 8_000).level_dbfs == pytest.approx(-6.02, abs=0.01)
    assert Voice(np.zeros(100, dtype=np.int16), 8_000).level_dbfs == -120
    assert Voice(np.zeros(0, dtype=np.int16), 8_000).level_dbfs == -120


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([], 0.5) is None
