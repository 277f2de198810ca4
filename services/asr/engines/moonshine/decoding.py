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
_PERIODS = range(1, 17)  # lengths of what a loop repeats, in tokens
_LOOPED = 4  # so many times in a row is a loop,
_LOOP_TOKENS = 10  # when they are so many tokens together
_PHRASE, _SAID_TWICE = (
    5,
    2,
)  # before the final so many tokens that come twice are one, too: the edge of a window invites it


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
    """A decoder network that attends to several windows at once."""

    def advance(self, tokens: Sequence[Sequence[int]]) -> Sequence[Logits]:
        """Return each window's logits [tokens, vocabulary] after each of its next tokens; windows that are done give
        none.
        """

    def keep(self, counts: Sequence[int]) -> None:
        """Keep the first `counts` of each window's last tokens, and forget the rest: another token will follow those
        kept.
        """


def most_tokens(seconds: float) -> int:
    """Return how many tokens a window of so many seconds may have."""
    return _LEAST_TOKENS + ceil(seconds * TOKENS_A_SECOND)


class Search:
    """The greedy search for one window's hypothesis, of at most so many tokens.

    One that loops ends where it first repeats itself.
    """

    def __init__(self, draft: Draft, most: int, final: bool = False) -> None:
        """Begin with a draft. For a final, the probabilities of the draft's tokens are computed anew."""
        self._draft = draft
        self._final = final
        self._most = most
        self._found: list[tuple[int, float]] = []  # tokens, and the logarithms of their probabilities
        self._place = 0  # in the draft
        self._tried: tuple[int, ...] = draft.tokens[:most]
        self.ended = False

    @property
    def tokens(self) -> Sequence[int]:
        """The tokens to give the decoder next: one that it has not seen, and the draft's tokens to try behind it."""
        last = self._found[-1][0] if self._found else BEGIN
        return () if self.ended else (last, *self._tried)

    @property
    def found(self) -> Draft:
        """The hypothesis found so far: tokens and their log probabilities."""
        return Draft(tuple(token for token, _ in self._found), tuple(log for _, log in self._found))

    def take(self, logits: Logits) -> int:
        """Accept the logits after each of `tokens`, and return how many of those tokens the decoder is to keep."""
        best = logits.argmax(axis=-1)
        same = _agreed(self._tried, best)
        end = self._place + same
        tokens, logs = self._draft.tokens[self._place : end], self._draft.logs[self._place : end]
        if self._final:
            logs = tuple(_log(each, token) for each, token in zip(logits, tokens, strict=False))
        self._found += zip(tokens, logs, strict=True)
        token = int(best[same])
        self.ended = token == END or len(self._found) >= self._most
        if not self.ended:
            self._found.append((token, _log(logits[same], token)))
            self._look_for_loop()
            self._resume(end, token)
        return same + 1

    def _look_for_loop(self) -> None:
        if looped := _looped([token for token, _ in self._found], self._final):
            del self._found[looped:]
            self.ended = True

    def _resume(self, place: int, token: int) -> None:
        """Find the draft's continuation behind a token that differs from the draft."""
        near = self._draft.tokens[place : place + _SOUGHT]
        self._place, self._tried = place, ()
        if token in near:
            self._place += near.index(token) + 1
            left = max(0, self._most - len(self._found))
            self._tried = self._draft.tokens[self._place : self._place + min(_GUESSED, left)]


def decoded(decoder: Decoder, searches: Sequence[Search]) -> list[Draft]:
    """Return each window's hypothesis; all windows are advanced together."""
    while not all(search.ended for search in searches):
        logits = decoder.advance([search.tokens for search in searches])
        decoder.keep([0 if search.ended else search.take(each) for search, each in zip(searches, logits, strict=True)])
    return [search.found for search in searches]


def _agreed(tried: Sequence[int], best: NDArray[np.int64]) -> int:
    """Return how many of the tried tokens the network would have chosen, up to the first that it would not."""
    for number, token in enumerate(tried):
        if best[number] != token:
            return number
    return len(tried)


def _log(logits: Logits, token: int) -> float:
    """Return the natural logarithm of a token's probability."""
    top = float(logits[token])
    return -float(np.log(np.exp(logits - top).sum()))


def _looped(tokens: Sequence[int], final: bool) -> int:
    """Return how many tokens are left when a loop at the end is cut to its first round; 0 when there is no loop."""
    for period in _PERIODS:
        phrase = period >= _PHRASE and not final
        rounds = _SAID_TWICE if phrase else max(_LOOPED, ceil(_LOOP_TOKENS / period))
        last = tokens[len(tokens) - rounds * period :]
        if len(tokens) >= rounds * period and all(last[i] == last[i - period] for i in range(period, len(last))):
            return len(tokens) - (rounds - 1) * period
    return 0
