"""Turns sherpa-onnx's results into words on the session's audio clock. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.asr.engine import Word
from services.asr.neural.word_times import Bounds, confidence, lasts_until
from services.common.audio.pcm import ASR_RATE

_GLUE = "@@"  # at the end of a paraformer's token whose word goes on


@dataclass(frozen=True, slots=True)
class Told:
    """A result of sherpa-onnx. Times are in seconds from the segment's start."""

    text: str
    tokens: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()  # where each token starts; none when the model does not tell
    logs: tuple[float, ...] = ()  # the logarithm of each one's probability; likewise


def words(told: Told, bounds: Bounds, token_seconds: float) -> tuple[Word, ...]:
    """Return the words, in order and within the bounds; each token is taken to last `token_seconds`.

    Where the model tells no times, or tokens that are not the text's, the words share the segment by their letters.
    """
    texts = told.text.split()
    spans = list(_spans(texts, told.tokens))
    if len(spans) != len(texts) or len(told.seconds) != len(told.tokens):
        return _shared(texts, bounds)
    starts = [_place(told.seconds[first], bounds) for first, _ in spans]
    ends = [_place(told.seconds[last] + token_seconds, bounds) for _, last in spans]
    nexts = [*starts[1:], bounds.end_samples]
    return tuple(
        Word(text, start, max(start, lasts_until(end, after)), confidence(told.logs[first : last + 1]))
        for text, start, end, after, (first, last) in zip(texts, starts, ends, nexts, spans, strict=True)
    )


def _spans(texts: Sequence[str], tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and last token index of each word; fewer words when the tokens do not spell them."""
    letters = [token.replace(_GLUE, "").replace("\u2581", "").strip() for token in tokens]
    place = 0
    for text in texts:
        said, first = "", None
        while place < len(letters) and len(said) < len(text):
            if letters[place]:
                first = place if first is None else first
                said += letters[place]
            place += 1
        if said != text or first is None:
            return
        yield first, place - 1


def _shared(texts: Sequence[str], bounds: Bounds) -> tuple[Word, ...]:
    length = sum(map(len, texts))
    made, before = [], 0
    for text in texts:
        start, end = (
            bounds.start_samples + (bounds.end_samples - bounds.start_samples) * letters // length
            for letters in (before, before + len(text))
        )
        made.append(Word(text, start, end))
        before += len(text)
    return tuple(made)


def _place(seconds: float, bounds: Bounds) -> int:
    return min(bounds.start_samples + max(0, round(seconds * ASR_RATE)), bounds.end_samples)
