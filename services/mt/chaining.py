"""Translates texts along the ways of their pairs: shaped sentence by sentence, step by step, each step done once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AttributeValue

from services.common.server.watchdog import Watchdog
from services.common.telemetry.tracing import tracer
from services.common.text.terminology import Term
from services.mt import measures
from services.mt.cache import Cache
from services.mt.engine import NO_TOKENS, Source, Tokens, Translation, added
from services.mt.revisions import Revisions
from services.mt.serving import Engines
from services.mt.shaping import pieces, short, usage
from services.mt.shaping.pieces import Piece
from services.mt.ways import Step, Way


class Chaining:
    """Translates each sentence step by step along its pair's way.

    What a step made of a sentence is kept, and asked once by all whose ways share it at the same time.
    """

    def __init__(self, engines: Engines, watchdog: Watchdog, entries: int, seconds: float = math.inf) -> None:
        """So many answers of steps are kept, each as long as somebody asks for it within so many seconds."""
        self._engines = engines
        self._watchdog = watchdog
        self._steps = Cache(entries, seconds)
        self._revisions = Revisions(seconds)

    def asked(self, source: Source) -> Source:
        """Return the source with only the fields that its translation depends on, so that equal texts share an
        answer.
        """
        way = self._engines.way(source.pair, source.tier)
        engines = [self._engines.of(step) for step in way.steps]
        if source.target_prefix and not (way.direct and engines[0].continues_prefix):
            source = replace(source, target_prefix="")
        if source.affinity and all(share == 1 for engine in engines for _, share in engine.versions):
            source = replace(source, affinity=0)
        return source

    def forget(self) -> float:
        """Drop what is too old; return after how many seconds there is more."""
        return min(self._steps.forget(), self._revisions.forget())

    async def translate(self, source: Source) -> Translation:
        """Translate a text along its pair's way. Raises what the engine of a step raises."""
        return await self.along(self._engines.way(source.pair, source.tier), source)

    async def along(self, way: Way, source: Source) -> Translation:
        """Translate a text along one way. Raises what the engine of a step raises."""
        if not any(self._engines.of(step).shaped for step in way.steps):
            return await self._over(way, source)
        cut = pieces.cut(source.text, source.pair, source.target_prefix, source.terms)
        answers = await _each([self._sentence(way, source, piece) for piece in cut])
        text = pieces.joined([(piece, answer.text) for piece, answer in zip(cut, answers, strict=True)])
        prefix = source.target_prefix.rstrip()
        continued = bool(prefix) and text.startswith(prefix) and all(answer.continues_prefix for answer in answers)
        return Translation(text, continued, *_summed(answers))

    async def _sentence(self, way: Way, source: Source, piece: Piece) -> Translation:
        if piece.made is not None:
            return Translation(piece.made, continues_prefix=True, tokens=NO_TOKENS)
        asked = replace(source, text=piece.text, target_prefix=piece.prefix, terms=(*source.terms, *piece.standins))
        answer = await self._over(way, asked)
        if piece.whole(answer.text):
            text = piece.restored(answer.text)
            return replace(answer, text=text, continues_prefix=piece.continued(text))
        apart = pieces.apart(piece)
        answers = await _each([self._sentence(way, source, each) for each in apart])
        text = pieces.joined([(each, said.text) for each, said in zip(apart, answers, strict=True)])
        return Translation(text, piece.continued(text), *_summed([answer, *answers]))

    async def _over(self, way: Way, source: Source) -> Translation:
        text, terms, answers, continues_prefix = source.text, source.terms, list[Translation](), False
        for step in way.steps:
            asked = replace(source, text=text, pair=step.pair, terms=terms)
            goes_on = not way.direct and source.session and self._engines.of(step).continues_prefix
            answer = await (self._gone_on if goes_on else self._taken)(step, asked)
            text, terms = answer.text, required(terms)
            if self._engines.of(step).shaped:
                text = (usage.finished if step is way.steps[-1] else usage.handed_on)(text, step.pair)
            answers.append(answer)
            continues_prefix = answer.continues_prefix
        return Translation(text, continues_prefix and way.direct, *_summed(answers))

    async def _gone_on(self, step: Step, source: Source) -> Translation:
        """Translate a sentence by one of several steps, continuing this step's translation of the revision before."""
        prefix = self._revisions.prefix(source.session, step.pair, source.text)
        answer = await self._taken(step, replace(source, target_prefix=prefix))
        self._revisions.keep(source.session, step.pair, source.text, answer.text, prefix)
        return answer

    async def _taken(self, step: Step, source: Source) -> Translation:
        """Translate a sentence by one step, in the wording that its target language's writers use."""
        ask = partial(self._step, step)
        answer, _ = await self._steps.answer(source, ask)
        if not self._engines.of(step).shaped:
            return answer
        if short.doubtful(source.text, answer.text) and not source.target_prefix:
            tried = [await self._steps.answer(replace(source, text=each), ask) for each in short.variants(source.text)]
            texts = [answer.text, *(other.text for other, _ in tried)]
            tokens = added([answer.tokens, *(other.tokens for other, _ in tried)])
            answer = replace(answer, text=short.shortest(texts, source.text), tokens=tokens)
        return replace(answer, text=usage.polished(answer.text, step.pair))

    async def _step(self, step: Step, source: Source) -> Translation:
        attributes: dict[str, AttributeValue] = {
            "source.lang": step.pair.source,
            "target.lang": step.pair.target,
            "engine": step.engine,
            "final": source.final,
        }
        # An exception is told by its type alone: its message may quote what a user said.
        with tracer.start_as_current_span(
            "mt.step", attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                async with self._watchdog.step():
                    with measures.timed(step.pair):
                        return await self._engines.of(step).translate(source)
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise


def required(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return the terms that a later step must leave in place: those that the steps before it have put there."""
    return tuple(dict.fromkeys(Term(term.required, term.required if term.translation else "") for term in terms))


def _summed(answers: Sequence[Translation]) -> tuple[int, Tokens | None]:
    """Return the unknown words and the tokens of several translations together."""
    return sum(answer.unknown_words for answer in answers), added(answer.tokens for answer in answers)


async def _each(asked: Sequence[Coroutine[Any, Any, Translation]]) -> list[Translation]:
    """Await all answers concurrently, and return them in order. Raises the first error as it is, not in a group."""
    if len(asked) == 1:
        return [await asked[0]]
    try:
        async with asyncio.TaskGroup() as tasks:
            answers = [tasks.create_task(each) for each in asked]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return [answer.result() for answer in answers]
