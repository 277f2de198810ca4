"""Turns tokens into words on the session's audio clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log

from services.asr.engine import Word
from services.asr.engines.onnx.layout import FRAME_MS, Layout
from services.asr.engines.onnx.tokens import Emitted, Tokens
from services.asr.neural.word_times import Bounds, confidence, lasts_until
from services.common.audio.pcm import ASR_RATE

FRAME_SAMPLES = FRAME_MS * ASR_RATE // 1000


def words(tokens: Tokens, emitted: Sequence[Emitted], layout: Layout, bounds: Bounds) -> tuple[Word, ...]:
    """Return the words that the tokens spell, in order and within the bounds.

    A token has the place of the audio that is new in its frame. A model emits it when it is sure of it: at the end of
    what is said, or later.
    """
    found = list(tokens.words(emitted))
    starts = [_place(said[0].frame, layout, bounds) for _, said in found]
    ends = [_place(said[-1].frame + 1, layout, bounds) for _, said in found]
    nexts = [*starts, bounds.end_samples][1:]
    return tuple(
        Word(text, start, lasts_until(end, after), _confidence(said))
        for (text, said), start, end, after in zip(found, starts, ends, nexts, strict=True)
    )


def stable_words(tokens: Tokens, emitted: Sequence[Emitted], sure: int) -> int:
    """Return how many leading words never change, given that `sure` leading tokens never do."""
    placed = {id(each): place for place, each in enumerate(emitted)}
    begun = [placed[id(said[0])] for _, said in tokens.words(emitted)]
    return sum(1 for _, after in pairwise(begun) if after < sure)


def _place(frame: int, layout: Layout, bounds: Bounds) -> int:
    place = bounds.start_samples + (layout.lead_frames + frame * layout.subsampling) * FRAME_SAMPLES
    return min(place, bounds.end_samples)


def _confidence(said: Sequence[Emitted]) -> float:
    return confidence([log(max(each.probability, 1e-9)) for each in said])
