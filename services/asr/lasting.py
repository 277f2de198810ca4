"""How long a word lasts, where the model tells only when it was sure of each of its tokens. Pure."""

from __future__ import annotations

from services.common.audio import ASR_RATE

# A streaming model emits a token once, somewhere in what it stands for or behind it: in speech without a pause up to a
# long word's length passes between the last token of a word and the first of the next.
_WORD_SAMPLES = 500 * ASR_RATE // 1000


def lasts_until(emitted_samples: int, next_samples: int) -> int:
    """Where a word ends whose last token was emitted at one place, and the next word's first at another.

    At the next word, unless that comes so late that there was a pause between.
    """
    return min(emitted_samples + _WORD_SAMPLES, next_samples)
