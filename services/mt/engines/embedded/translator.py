"""Translates one pair of languages with Apertium: pipelines, turns, and retries when a pipeline breaks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

from services.common.engines.children import Pool
from services.common.engines.fatal_texts import FatalTexts
from services.common.server.starving import own_time
from services.common.text.plain_text import in_stretches
from services.mt.cleaning import cleaned
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.embedded.agreement import Agreement
from services.mt.engines.embedded.modes import Command
from services.mt.engines.embedded.pipeline import Pipeline, PipelineBroke, engine_failed
from services.mt.engines.embedded.turns import Turns
from services.mt.engines.embedded.writing import Draft
from services.mt.glossary import Masked, masked
from services.mt.sentences import Sentence, sentences

log = logging.getLogger(__name__)

TRIES = 2
MOST_WORDS = 100  # of a sentence that is asked in one piece: its programs get slow, and then die, of endless ones


class PipelineGone(Exception):
    """Raised for a pipeline that ended while it was idle."""


class Translator:
    """Translates one pair. A pipeline that dies or hangs is replaced, and its sentence retried once."""

    def __init__(
        self, pair: Pair, pool: Pool[Pipeline], turns: Turns, reply_seconds: float, analyser: Command = ()
    ) -> None:
        self._pair = pair
        self._pool = pool
        self._turns = turns
        self._reply_seconds = reply_seconds
        self._agreement = Agreement(analyser, self._answer)
        self._fatal = FatalTexts("MT")

    async def warm(self) -> None:
        """Start one pipeline, unless there is one."""
        await self._pool.warm(1)

    @property
    def idle(self) -> int:
        """Number of pipelines that wait for a text."""
        return self._pool.idle

    async def trim(self) -> None:
        """End one idle pipeline; the next text may start it again."""
        await self._pool.trim()

    async def close(self) -> None:
        """End all pipelines of the pair, and wait until they are gone."""
        await self._pool.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text, sentence by sentence. Raises StageFailed when two pipelines broke over the same
        sentence.
        """
        text = cleaned(source.text)
        async with self._turns.taken(source.final):
            asked = masked(text, source.terms, await self._agreement.nouns(source.terms))
            translation = await self._translated(asked)
            if not asked.whole(translation.text):
                asked = masked(text, source.terms)  # made-up words are never lost
                translation = await self._translated(asked)
        return replace(translation, text=asked.restored(translation.text))

    async def _translated(self, asked: Masked) -> Translation:
        text, unknown_words = "", 0
        for sentence in _bounded(asked.text):
            draft = await self._drafted(Draft.of(sentence, self._pair, asked.words))
            text += draft.text + sentence.gap
            unknown_words += draft.unknown_count
        return Translation(text.strip(), unknown_words=unknown_words)

    async def _drafted(self, draft: Draft) -> Draft:
        if not draft.has_words:
            return draft
        draft = draft.answered(await self._answer(draft.question))
        if not draft.may_hold_names:
            return draft
        named = draft.with_names()
        return min(draft, named.answered(await self._answer(named.question)), key=lambda tried: tried.unknown_count)

    async def _answer(self, question: str) -> str:
        failures = 0
        while True:
            self._fatal.require_harmless(question)
            try:
                answer = await self._ask(question)
            except PipelineGone:
                continue  # each took a dead pipeline out of the pool, and a fresh one has answered once
            except (PipelineBroke, TimeoutError) as error:
                failures += 1
                if isinstance(error, PipelineBroke):
                    self._fatal.died(question)
                log.warning("pipeline replaced", extra={"fields": {"reason": type(error).__name__}})
                if failures == TRIES:
                    self._fatal.require_harmless(question)
                    raise engine_failed("The translator broke twice over the same text.") from error
            else:
                self._fatal.answered(question)
                return answer

    async def _ask(self, question: str) -> str:
        async with self._pool.lent() as pipeline:
            if not pipeline.alive:
                raise PipelineGone
            async with own_time(self._reply_seconds, stopped=False):
                return await pipeline.ask(question)


def _bounded(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text; an overlong one in pieces, the last of which keeps its ending."""
    for sentence in sentences(text):
        *pieces, last = in_stretches(sentence.body, MOST_WORDS)
        for piece in pieces:
            words = piece.rstrip()
            yield Sentence(words, "", piece[len(words) :])
        yield replace(sentence, body=last)
