"""Translates texts with one model: sentence by sentence, continuing what was concluded, with the terms it has to
hold.

A sentence is translated freely first. When a term is missing, the words that translate it are found: those that become
less likely when the source lacks the term. The term replaces them, written as required. Words that hold a term are
never replaced, so each round adds one more term, and rows without terms are computed as ever.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.common.text.terminology import Term
from services.mt.cleaning import cleaned
from services.mt.engine import NO_TOKENS, Pair, Source, Tokens, Translation, added
from services.mt.neural.jobs import Job, Scoring, Text, Turn
from services.mt.neural.loop import Loop
from services.mt.neural.parts import Part, parts, put_together
from services.mt.neural.terms import Words, candidates, missing, places, without, words
from services.mt.neural.tokens import Tokenizer
from services.mt.neural.weights import Array
from services.mt.neural.wording import Run, Wording

_MOST_UNKNOWN = 8
_SHORT = 3  # letters of a word that hardly says anything by itself
_WORD = re.compile(r"\w+")
_ROOM = 16  # ids that a translation may have however short its source is


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part of a text, with everything that its translation depends on."""

    part: Part
    pair: Pair
    terms: Sequence[Term]
    turn: Turn


@dataclass(frozen=True, slots=True)
class Bounds:
    """A model's limits, in ids: longest source and target, and ratio between them."""

    source: int  # most of a source, the end with them: models were trained on sentences
    target: int  # most of a translation, the first ones with them
    ratio: float  # most of a translation for each of its source
    end: int  # the id that ends a translation


class Translating:
    """Translates texts with one model through its decoding loop."""

    def __init__(self, tokenizer: Tokenizer, loop: Loop, begins: Array, bounds: Bounds) -> None:
        """Begin with a loop that decodes with the model; `begins` holds for each id whether it may follow a whole
        word.
        """
        self._tokenizer = tokenizer
        self._loop = loop
        self._begins = begins
        self._bounds = bounds

    async def close(self) -> None:
        """Close the decoding loop, failing what is under way."""
        await self._loop.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text part by part. Raises StageFailed, or AtCapacity."""
        text, pair = cleaned(source.text), source.pair
        most = self._bounds.source
        cut = parts(text, source.target_prefix, lambda piece: len(self._tokenizer.source(piece, pair)) <= most)
        turn = Turn(source.final, source.affinity or None)
        asked = [_Asked(part, pair, source.terms, turn) for part in cut]
        try:
            async with asyncio.TaskGroup() as tasks:
                said = [tasks.create_task(self._translated(each)) for each in asked]
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        answer = put_together([(task.result()[0], part.gap) for task, part in zip(said, cut, strict=True)])
        tokens = added(task.result()[1] for task in said)
        unknown = sum(self._count_unknown(part.text, pair) for part in cut)
        kept = source.target_prefix
        forced = bool(kept) and answer.startswith(kept.rstrip())
        return Translation(answer if kept and len(answer) <= len(kept) else answer.rstrip(), forced, unknown, tokens)

    async def _translated(self, asked: _Asked) -> tuple[str, Tokens]:
        """Return the translation of a part, and its tokens: those of its source, and all of its wording."""
        part = asked.part
        if part.concluded:
            return part.prefix, NO_TOKENS
        if not part.has_words:
            return part.prefix or part.text, NO_TOKENS
        concluded = Wording().then(self._tokenizer.target(part.prefix), part.prefix or None)
        made = await self._continued(asked, concluded)
        terms = (*asked.terms, *self._unknown(part.text, asked.pair))
        while left := missing(part.text, made.text(self._tokenizer), terms):
            made = await self._with(left[0], asked, made, terms)
        source = self._tokenizer.source(part.text, asked.pair)
        return made.text(self._tokenizer), Tokens(len(source), len(made.ids))

    async def _continued(self, asked: _Asked, wording: Wording) -> Wording:
        """Return the likeliest translation that starts with this wording."""
        source = self._tokenizer.source(asked.part.text, asked.pair)
        prompt = [*self._tokenizer.prompt(asked.pair), *wording.ids]
        limit = min(self._bounds.target - len(prompt), int(self._bounds.ratio * len(source)) + _ROOM)
        if limit <= 0:
            return wording  # it is as long as it may be
        last = (wording.runs[-1].written or "") if wording.runs else ""
        text = Text(source, prompt, limit, begins_word=last.rstrip()[-1:].isalnum())
        ((ids, _), *_) = await self._loop.decode(Job(text, asked.turn))
        return wording.then([each for each in ids if each != self._bounds.end])

    async def _with(self, term: Term, asked: _Asked, made: Wording, terms: Sequence[Term]) -> Wording:
        """Return the wording with the term in place of the words that translate it, or at the end where none do."""
        text = asked.part.text
        before = made.text(self._tokenizer)
        count = len(missing(text, before, terms))
        capital = _first_letter(before).isupper()
        for number, spans in await self._candidates(term, asked, made):
            placed = list[Wording]()
            for each in spans:
                begins = made.begins(number, each, self._tokenizer)
                placed.append(made.replaced(number, each, self._fixed(term, capital=begins and capital)))
            tried = await self._likeliest(asked, placed)
            if len(missing(text, tried.text(self._tokenizer), terms)) < count:
                return tried
        return made.with_last(self._fixed(term, capital=False), self._tokenizer)

    async def _likeliest(self, asked: _Asked, tried: Sequence[Wording]) -> Wording:
        """Return the likeliest of the wordings, the first among equals."""
        if len(tried) == 1:
            return tried[0]
        scored = await asyncio.gather(*(self._likelihood(asked.part.text, asked.pair, each) for each in tried))
        scores = [score[each.telling].mean() for score, each in zip(scored, tried, strict=True)]
        return tried[int(np.argmax(scores))]

    async def _candidates(self, term: Term, asked: _Asked, made: Wording) -> list[tuple[int, list[Words]]]:
        """Return the words of each free run that lose most likelihood without the term, with neighbouring words."""
        with_term, lacking = await asyncio.gather(
            self._likelihood(asked.part.text, asked.pair, made),
            self._likelihood(without(asked.part.text, term), asked.pair, made),
        )
        loses, found, first = with_term - lacking, list[tuple[int, list[Words]]](), 0
        for number, run in enumerate(made.runs):
            if run.written is None:
                said = words([bool(self._begins[each]) for each in run.ids])
                own = loses[first : first + len(run.ids)]
                most = min(_SHORT, len(term.source) - 1)  # what translates a short term may be short itself
                short = [len(self._tokenizer.text(run.ids[each.start : each.end])) <= most for each in said]
                for each in candidates(said, own):
                    near = [self._without_marks(run, place) for place in places(said, own, each, short)]
                    found.append((number, list(dict.fromkeys(near))))
            first += len(run.ids)
        return found

    def _without_marks(self, run: Run, found: Words) -> Words:
        """Return the range of words without the marks around it, which stay where they are."""
        start, end = found.start, found.end
        while start < end - 1 and not self._is_read(run.ids[start]):
            start += 1
        while end > start + 1 and not self._is_read(run.ids[end - 1]):
            end -= 1
        return Words(start, end)

    def _is_read(self, number: int) -> bool:
        return any(char.isalnum() for char in self._tokenizer.text([number]))

    async def _likelihood(self, text: str, pair: Pair, made: Wording) -> Array:
        """Return the log probability of each token as a translation of the text."""
        prompt, ids = self._tokenizer.prompt(pair), made.ids
        source, picks = self._tokenizer.source(text, pair), range(len(prompt) - 1, len(prompt) + len(ids) - 1)
        if not ids:
            return np.zeros(0)
        return np.diagonal(np.asarray(await self._loop.score(Scoring(source, [*prompt, *ids], picks, ids))))

    def _fixed(self, term: Term, capital: bool) -> Run:
        """Return a term as a fixed run, capitalized where the sentence begins with it."""
        required = term.required
        written = (
            required[0].upper() + required[1:] if capital and term.translation and required.islower() else required
        )
        return Run(tuple(self._tokenizer.target(written)), written)

    def _count_unknown(self, text: str, pair: Pair) -> int:
        """Return how many words of a text the tokenizer has no ids for."""
        unknown = self._tokenizer.unknown
        if unknown not in self._tokenizer.source(text, pair):
            return 0
        return sum(unknown in self._tokenizer.source(word, pair) for word in _WORD.findall(text))

    def _unknown(self, text: str, pair: Pair) -> list[Term]:
        """Return words that the tokenizer has no ids for, as terms to keep: names in other scripts, mostly."""
        unknown = self._tokenizer.unknown
        if unknown not in self._tokenizer.source(text, pair):
            return []
        read = [word for word in _WORD.findall(text) if unknown in self._tokenizer.source(word, pair)]
        return [Term(word) for word in dict.fromkeys(read)][:_MOST_UNKNOWN]


def _first_letter(text: str) -> str:
    return next((char for char in text if char.isalpha()), "")


def repetition(text: str) -> float:
    """Return the share of words that repeat the two before: high where a model runs in a loop."""
    words = text.split()
    seen = {tuple(words[place : place + 3]) for place in range(len(words) - 2)}
    return 1 - len(seen) / (len(words) - 2) if len(words) > 2 else 0.0
