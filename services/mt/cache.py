"""Caches translations: sessions ask for the same text again and again while its segment grows, and so do others.

In memory only, bounded in number and in age. Texts of one session answer another's questions, never show in them.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from services.common.text.terminology import Term, composed
from services.mt.engine import Pair, Source, Translation
from services.mt.recent import Recent

_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Question:
    """The cache key of a translation: everything that an answer depends on."""

    text: str
    pair: Pair
    target_prefix: str
    terms: tuple[Term, ...]
    affinity: int  # 0 where a pair has one version of a model: then any session's answer is another's
    tier: str = ""

    @classmethod
    def of(cls, source: Source) -> Question:
        """Return the question of a source text. Outer spaces and whether it is final are left out: neither changes
        the answer.
        """
        text = _SPACES.sub(" ", composed(source.text)).strip()
        return cls(text, source.pair, source.target_prefix, source.terms, source.affinity, source.tier)


Compute: TypeAlias = Callable[[Source], Awaitable[Translation]]


class Cache:
    """The most recent translations, shared by all sessions. Equal questions asked meanwhile wait for one answer."""

    def __init__(self, entries: int, seconds: float = math.inf) -> None:
        """An answer that nobody asked for within some seconds is dropped by `forget`."""
        self._entries = entries  # 0: nothing is kept
        self._answers: Recent[Question, Translation] = Recent(entries, seconds)
        self._asked: dict[tuple[Question, bool], _Turn] = {}

    async def answer(self, source: Source, compute: Compute) -> tuple[Translation, bool]:
        """Return the translation, and whether it came from the cache. A failure is not cached: the next question
        retries.
        """
        if not self._entries or source.unstored:
            return await compute(source), False
        question = Question.of(source)
        if known := self._answers.get(question):
            return known, True
        # A final does not wait for an interim of the same text: that may stand behind other finals.
        async with self._alone(question, source.final):
            if known := self._answers.get(question):
                return known, True
            answer = await compute(source)
            self._answers.put(question, answer)
            return answer, False

    def forget(self) -> float:
        """Drop answers that are too old; return after how many seconds there are more."""
        return self._answers.forget()

    @asynccontextmanager
    async def _alone(self, question: Question, final: bool) -> AsyncIterator[None]:
        turn = self._asked.setdefault((question, final), _Turn(asyncio.Lock()))
        turn.askers += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.askers -= 1
            if not turn.askers:
                del self._asked[question, final]


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock
    askers: int = 0
