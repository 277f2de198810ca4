"""Greedy decoding that checks a draft in one pass instead of finding every token anew. Pure, but for the network.

A window of speech is recognized again when it has grown, and most of its tokens stay. They are given to the decoder at
once; where the network would have chosen another one, decoding goes on from there. So the result is that of greedy
decoding, whatever the draft was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine.tokenizer import BEGIN, END

Logits = NDArray[np.float32]

TOKENS_A_SECOND = 6.5  # nobody speaks faster; the makers of the model bound it likewise
_LEAST_TOKENS = 4  # in any window, however short
_GUESSED = 6  # tokens of the draft that are tried at once after it was left
_SOUGHT = 8  # tokens of the draft in which decoding looks for its place again
_PERIODS = range(1, 11)  # lengths of what a loop repeats, in tokens
_LOOPED = 4  # so many times in a row is a loop,
_LOOP_TOKENS = 10  # when they are so many tokens together


@dataclass(frozen=True, slots=True)
class Draft:
    """The tokens of a hypothesis, and the logarithms of their probabilities."""

    tokens: tuple[int, ...] = ()
    logs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.logs):
            raise ValueError(f"{len(self.tokens)} tokens have {len(self.logs)} probabilities")


NO_DRAFT = Draft()


class Decoder(Protocol):
    """The network, listening to one window."""

    def advance(self, known: int, tokens: Sequence[int]) -> Logits:
        """Return the logits [tokens, vocabulary] after each of the tokens, which follow the first `known` ones."""


def most_tokens(seconds: float) -> int:
    """Return how many tokens a window of so many seconds may have."""
    return _LEAST_TOKENS + ceil(seconds * TOKENS_A_SECOND)


def decoded(decoder: Decoder, draft: Draft, most: int) -> Draft:
    """Return the greedy hypothesis of at most so many tokens. One that loops ends where it first repeats itself."""
    found, logs = [BEGIN], [0.0]
    place, guess = 0, len(draft.tokens)  # in the draft, and how much of it is tried
    given = 0  # tokens that the decoder knows
    while len(found) <= most:
        tried = draft.tokens[place : place + min(guess, most - len(found) + 1)]
        logits = decoder.advance(given, [*found[given:], *tried])[-len(tried) - 1 :]
        given = len(found)
        best = logits.argmax(axis=-1)
        same = _agreed(tried, best)
        found += tried[:same]
        logs += draft.logs[place : place + same]
        given += same
        place += same
        token = int(best[same])
        if token == END or len(found) > most:
            break
        found.append(token)
        logs.append(_log(logits[same], token))
        if looped := _looped(found):
            found, logs = found[:looped], logs[:looped]
            break
        place, guess = _resumed(draft.tokens, place, token)
    return Draft(tuple(found[1:]), tuple(logs[1:]))


def _agreed(tried: Sequence[int], best: NDArray[np.int64]) -> int:
    """How many of the tried tokens the network would have chosen, up to the first that it would not."""
    for number, token in enumerate(tried):
        if best[number] != token:
            return number
    return len(tried)


def _resumed(draft: Sequence[int], place: int, token: int) -> tuple[int, int]:
    """Where the draft goes on behind a token that was not taken from it, and how much of it is tried there."""
    near = draft[place : place + _SOUGHT]
    return (place + near.index(token) + 1, _GUESSED) if token in near else (place, 0)


def _log(logits: Logits, token: int) -> float:
    """The logarithm of a token's probability."""
    top = float(logits[token])
    return -float(np.log(np.exp(logits - top).sum()))


def _looped(tokens: Sequence[int]) -> int:
    """How many tokens are left when a loop at the end is cut to its first round; 0 when there is no loop."""
    for period in _PERIODS:
        rounds = max(_LOOPED, ceil(_LOOP_TOKENS / period))
        last = tokens[len(tokens) - rounds * period :]
        if len(tokens) > rounds * period and all(last[i] == last[i - period] for i in range(period, len(last))):
            return len(tokens) - (rounds - 1) * period
    return 0
