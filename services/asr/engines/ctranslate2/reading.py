"""Turns Whisper's tokens into words on the session's audio clock, without hallucinations. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from services.asr.engine import Language, Word
from services.asr.engines.ctranslate2.tokens import Tokens
from services.asr.neural.word_times import Bounds, confidence, lasts_until
from services.common.audio.pcm import ASR_RATE

FRAME_SAMPLES = ASR_RATE // 50  # of the encoder
_LEAST_PROBABILITY = 1e-6
_ENDS = (
    ".\u2026,;:-\u2013\u2014"  # marks that the end of a window makes Whisper write, in the midst of a sentence or not
)
_NO_WORDS = frozenset("-\u2013\u2014\u2026\u266a*.")  # marks that stand alone where nothing was said

# The rule of Whisper's authors for silence, and one for what is less likely than speech ever was.
_SILENT, _DOUBTFUL, _UNLIKELY = 0.6, -1.0, -2.0
_REPEATS, _REPEATED_TOKENS = 3, 12  # what comes so often in a row, and is so long in all, is a loop
_TWICE_TOKENS, _HURRIED = 5, 6.0  # so is what comes twice and is so long, with more tokens a second than are spoken


@dataclass(frozen=True, slots=True)
class Decoded:
    """The tokens decoded from a window, each with its frame and probability."""

    ids: tuple[int, ...]
    frames: tuple[int, ...]  # where each token is heard first, in the encoder's frames
    probabilities: tuple[float, ...]  # of each token


def heard(score: float, silence: float) -> bool:
    """Return whether a transcript is of speech, by the mean log probability of its tokens and the probability of
    silence.
    """
    return score > _UNLIKELY and (score > _DOUBTFUL or silence < _SILENT)


def unlooped(ids: Sequence[int], seconds: float) -> Sequence[int]:
    """Return the tokens of `seconds` of audio without the repetitions at their end, where the model ran in a loop."""
    hurried = len(ids) > _HURRIED * seconds
    for period in range(1, len(ids) // 2 + 1):
        length = len(ids)
        while length > period and ids[length - 1] == ids[length - 1 - period]:
            length -= 1
        repeated = len(ids) - length + period
        twice = hurried and period >= _TWICE_TOKENS and repeated >= 2 * period
        if twice or repeated >= max(_REPEATS * period, _REPEATED_TOKENS):
            return ids[:length]
    return ids


def likeliest(likely: Mapping[str, float], names: Mapping[str, str]) -> Language:
    """Return the likeliest of the named languages, and its share among them, given each name's probability."""
    shares = {tag: likely.get(name, 0.0) for tag, name in names.items()}
    best = max(shares, key=lambda tag: shares[tag])
    together = sum(shares.values())
    return Language(best, shares[best] / (together or 1.0), share=min(1.0, together))


def words(decoded: Decoded, tokens: Tokens, bounds: Bounds, final: bool) -> tuple[Word, ...]:
    """Return the words in order and within the bounds. The last word of an interim hypothesis gets no closing mark."""
    found = []
    for first, behind in tokens.words(decoded.ids):
        text = tokens.text(decoded.ids[first:behind])
        if text and not _NO_WORDS.issuperset(text):
            found.append((text, first, behind))
    if found and not final:
        text, first, behind = found[-1]
        found[-1] = (text.rstrip(_ENDS) or text, first, behind)
    starts = [_place(decoded.frames[first], bounds) for _, first, _ in found]
    made = []
    for (text, first, behind), (start, after) in zip(found, pairwise([*starts, bounds.end_samples]), strict=True):
        end = max(start, lasts_until(_place(decoded.frames[behind - 1], bounds), after))
        logs = [log(max(each, _LEAST_PROBABILITY)) for each in decoded.probabilities[first:behind]]
        made.append(Word(text, start, end, confidence(logs)))
    return tuple(made)


def _place(frame: int, bounds: Bounds) -> int:
    return min(bounds.start_samples + max(0, frame) * FRAME_SAMPLES, bounds.end_samples)  # CTranslate2 may say -1
