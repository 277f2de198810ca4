"""Recognition of a session whose utterances may each be in another of several languages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from services.asr.deciding import Deciding
from services.asr.engine import Endpoint, Heard, Hypothesis, Language, Speech, Terms
from services.common.audio.pcm import ASR_RATE

MOST_SAMPLES = 12 * ASR_RATE  # of an utterance that are looked at: its beginning

Recognize: TypeAlias = Callable[[AsyncIterator[Heard]], AsyncGenerator[Hypothesis, None]]
Identify: TypeAlias = Callable[[Speech, Sequence[str]], Awaitable[Language]]


@dataclass(frozen=True, slots=True)
class Ear:
    """The recognizer of one language, and whether it can be biased to terms."""

    recognize: Recognize
    biased: bool  # whether it takes Terms


class SeveralLanguages:
    """Recognizes one session's utterances, each with the engine of its identified language.

    An utterance is heard in the language it is likeliest in. Where that turns out to be another one, all of it is heard
    again in that. Hypotheses say which language they are in, and whether that is decided.
    """

    def __init__(self, ears: Mapping[str, Ear], identify: Identify, deciding: Deciding) -> None:
        self._ears = ears  # by language
        self._identify = identify
        self._deciding = deciding
        self._utterance: list[Speech] = []  # what was said of the open segment before its language was decided
        self._ending: Endpoint | None = None  # of the open segment, which is heard again
        self._terms: Terms | None = None
        self._over = False

    async def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[Hypothesis, None]:
        """Yield hypotheses, each with its language, switching engines as the language changes."""
        while not self._over:
            tag = self._deciding.language.tag
            async with (
                aclosing(self._stretch(heard, tag)) as stretch,
                aclosing(self._ears[tag].recognize(stretch)) as made,
            ):
                async for hypothesis in made:
                    yield replace(hypothesis, language=self._deciding.language)

    async def _stretch(self, heard: AsyncIterator[Heard], tag: str) -> AsyncGenerator[Heard, None]:
        """Yield the input of one language's engine until the speech turns out to be in another language."""
        for item in self._again(self._ears[tag].biased):
            yield item
        if self._ending:
            self._end(self._ending)
        async for item in heard:
            if isinstance(item, Terms):
                self._terms = item
                if self._ears[tag].biased:
                    yield item
                continue
            if isinstance(item, Speech) and self._deciding.language.tentative:
                self._utterance.append(item)
            await self._look(ends=isinstance(item, Endpoint))
            if self._deciding.language.tag != tag:
                self._ending = item if isinstance(item, Endpoint) else None
                return
            yield item
            if isinstance(item, Endpoint):
                self._end(item)
        self._over = True

    def _again(self, biased: bool) -> list[Heard]:
        """Return the input to replay to a new engine: the terms in force, and the open segment in one piece."""
        terms = [self._terms] if self._terms and biased else []
        return [*terms, *([self._whole()] if self._utterance else []), *([self._ending] if self._ending else [])]

    def _end(self, endpoint: Endpoint) -> None:
        self._utterance.clear()
        self._ending = None
        self._deciding.ended(endpoint.split)

    async def _look(self, ends: bool) -> None:
        """Identify the language of the utterance so far, if an attempt is due."""
        heard_samples = sum(len(each.pcm) for each in self._utterance)
        at_samples = self._utterance[0].offset_samples + heard_samples if self._utterance else 0
        if self._deciding.due(heard_samples, at_samples, ends):
            whole = self._whole()
            found = await self._identify(replace(whole, pcm=whole.pcm[:MOST_SAMPLES]), tuple(self._ears))
            self._deciding.found(found, ends)

    def _whole(self) -> Speech:
        pcm = np.concatenate([each.pcm for each in self._utterance])
        return replace(self._utterance[-1], pcm=pcm, offset_samples=self._utterance[0].offset_samples)
