"""Recognizes one session's segments in windows that are cut at pauses, and decoded again as they grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from services.asr.cadence import Cadence
from services.asr.engine import Hypothesis, Speech, Word
from services.asr.engines.moonshine import pauses
from services.asr.engines.moonshine.decoding import NO_DRAFT, Draft
from services.asr.engines.moonshine.forms import kept
from services.asr.engines.moonshine.model import Model, Window
from services.asr.engines.moonshine.pauses import CutRules
from services.asr.engines.moonshine.tokenizer import Spelled
from services.asr.neural.measures import measures
from services.asr.neural.word_times import confidence
from services.common.audio.pcm import Pcm
from services.common.neural.batching import Batcher, Item

_DOUBTED = 0.6  # a confidence: of what it makes of noise it is below, of words by themselves that were said above


@dataclass(frozen=True, slots=True)
class Served:
    """A model, the batcher of its windows, and the rules by which windows are cut."""

    model: Model
    batcher: Batcher[Window, Draft]
    hypothesis_samples: int
    first_samples: int  # instead of those, while a segment has no words
    most_samples: int  # of a window
    tail_samples: int  # of silence behind a segment's audio
    cuts: CutRules


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the open segment: its audio, and the draft recognized in it."""

    start_samples: int  # on the session's clock
    pcm: Pcm
    found: Draft = NO_DRAFT


class Segments:
    """Recognizes the segments of one session, one after the other, in windows cut at pauses."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._cadence = Cadence(served.hypothesis_samples, served.first_samples)
        self._parts: list[Part] = []  # of the open segment; all but the last are cut off and recognized
        self._shown: tuple[Word, ...] = ()  # the words of the last hypothesis
        self.seconds = 0.0  # that were waited for the model, in this segment
        self.samples = 0  # of this segment

    async def hear(self, speech: Speech) -> Hypothesis | None:
        """Add audio that follows; return a hypothesis when one is due. Raises StageFailed, AtCapacity."""
        self._add(speech)
        if not self._cadence.due(speech):
            return None
        started = time.monotonic()
        self._parts[-1] = await self._recognized(self._parts[-1], urgent=False)
        self._cadence.answered(time.monotonic() - started)
        words = list(chain.from_iterable(self._words(part) for part in self._parts))
        self._shown = kept(self._shown, words)
        if place := self._cut():  # now that its words have the marks they have beside those behind the cut
            await self._split(place)
        if not self._shown:
            return None
        self._cadence.worded()
        return Hypothesis(self._shown)

    async def end(self) -> Hypothesis:
        """Return the final of the open segment, and begin another. Raises StageFailed, AtCapacity."""
        wholes = [await self._recognized(whole, urgent=True) for whole in self._wholes()]
        words = tuple(chain.from_iterable(self._words(whole) for whole in wholes))
        final = Hypothesis(words, final=True, tokens=sum(len(whole.found.tokens) for whole in wholes))
        self._parts.clear()
        self._shown = ()
        self._cadence.restart()
        return final

    def measures(self, final: Hypothesis) -> dict[str, float]:
        """Return the final's mean word confidence and real-time factor, and reset the counts."""
        measured = measures(final, self.seconds, self.samples)
        self.seconds, self.samples = 0.0, 0
        return measured

    def _add(self, speech: Speech) -> None:
        if not self._parts:
            self._parts = [Part(speech.offset_samples, speech.pcm)]
        else:
            last = self._parts[-1]
            self._parts[-1] = replace(last, pcm=np.concatenate((last.pcm, speech.pcm)))
        self.samples += len(speech.pcm)

    def _cut(self) -> int:
        """Return the offset in the open window at which to cut it; 0 while it may not be cut yet."""
        pcm = self._parts[-1].pcm
        if place := pauses.cut(pcm, self._served.cuts):
            return place
        most = self._served.most_samples
        return pauses.quietest(pcm, most * 3 // 4, most) if len(pcm) > most else 0

    async def _split(self, place: int) -> None:
        """Cut the open window at `place`; the audio before the cut is recognized once more before the final."""
        open_window = self._parts.pop()
        head = replace(open_window, pcm=open_window.pcm[:place])
        head = await self._recognized(head, urgent=False)
        count = len(head.found.tokens)
        rest = Draft(open_window.found.tokens[count:], open_window.found.logs[count:])
        self._parts += [head, Part(open_window.start_samples + place, open_window.pcm[place:], rest)]

    def _wholes(self) -> list[Part]:
        """Merge the open segment's parts into as few windows as the model takes, the last with trailing silence."""
        wholes: list[Part] = []
        for part in self._parts:
            if wholes and len(wholes[-1].pcm) + len(part.pcm) <= self._served.most_samples:
                wholes[-1] = _joined(wholes[-1], part)
            else:
                wholes.append(part)
        if wholes and self._served.tail_samples:
            tail = np.zeros(self._served.tail_samples, np.int16)
            wholes[-1] = replace(wholes[-1], pcm=np.concatenate((wholes[-1].pcm, tail)))
        return wholes

    async def _recognized(self, part: Part, urgent: bool) -> Part:
        started = time.monotonic()
        item = Item(Window(part.pcm, part.found, final=urgent), session=self, urgent=urgent, cost=len(part.pcm))
        found = await self._served.batcher.submit(item)
        self.seconds += time.monotonic() - started
        return replace(part, found=found)

    def _words(self, part: Part) -> list[Word]:
        spelled = _said(self._served.model.tokens.words(part.found.tokens), part.found)
        places = pauses.spread([len(word.text) for word in spelled], part.pcm)
        return [
            Word(
                word.text,
                part.start_samples + start,
                part.start_samples + end,
                confidence(part.found.logs[word.first : word.end]),
            )
            for word, (start, end) in zip(spelled, places, strict=True)
        ]


def _said(spelled: Sequence[Spelled], found: Draft) -> Sequence[Spelled]:
    """Return the words without musical notes; none where a single word has a low confidence, as found in noise."""
    words = [word for word in spelled if any(map(str.isalnum, word.text))]
    doubted = len(words) == 1 and confidence(found.logs[words[0].first : words[0].end]) < _DOUBTED
    return [] if doubted else words


def _joined(one: Part, other: Part) -> Part:
    found = Draft(one.found.tokens + other.found.tokens, one.found.logs + other.found.logs)
    return replace(one, pcm=np.concatenate((one.pcm, other.pcm)), found=found)
