"""Word boundaries and confidences from the times and probabilities of a model's tokens. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from services.common.audio.pcm import ASR_RATE

_DIGITS = 2  # of a confidence: as many as do not hang on who else is in the batch

# A streaming model emits a token once, somewhere in what it stands for or behind it: in speech without a pause up to a
# long word's length passes between the last token of a word and the first of the next.
_WORD_SAMPLES = 500 * ASR_RATE // 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Start and end of a segment's audio, in samples on the session's clock."""

    start_samples: int
    end_samples: int


def lasts_until(emitted_samples: int, next_samples: int) -> int:
    """Return the end of a word, in samples, from where its last token and the next word's first were emitted.

    At the next word, unless that comes so late that there was a pause between.
    """
    return min(emitted_samples + _WORD_SAMPLES, next_samples)


def confidence(logs: Sequence[float]) -> float:
    """Return the geometric mean of token probabilities, given as natural logarithms; 0 where there are none."""
    return round(min(1.0, exp(sum(logs) / len(logs))), _DIGITS) if logs else 0.0
