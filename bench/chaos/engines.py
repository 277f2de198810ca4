"""The scripted engines, with words that name their speaker, and a book of the calls that are open.

A replica writes a line when a call begins and one when it ends. What has no end when the replica is killed was in its
hands: those sessions, and no others, have something to recover from.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from bench.chaos import speech
from services.asr.engine import Heard, Hypothesis, Speech, Word
from services.asr.engines.scripted import engine as asr_scripted
from services.common.audio.pcm import ASR_RATE
from services.mt.engine import Source, Translation
from services.mt.engines.scripted import engine as mt_scripted
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as tts_scripted

BOOK = "CHAOS_CALLS"  # the variable that names the replica's book; without it, nothing is written

_SPEAKER = re.compile(r"s(\d+)w\d+", re.IGNORECASE)
_numbers = count(1)


class Asr(asr_scripted.Engine):
    """Hears words that name their speaker and place."""

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """See Engine."""
        listener = Listener()
        try:
            async for hypothesis in super().recognize(listener.listened(heard), language, affinity):
                yield listener.named(hypothesis)
        finally:
            listener.close()


class Listener:
    """Knows whose words a session's are, from their loudness."""

    def __init__(self) -> None:
        self._speaker: int | None = None
        self._call = next(_numbers)

    async def listened(self, heard: AsyncIterator[Heard]) -> AsyncIterator[Heard]:
        """What is heard, listened to as it passes."""
        async for item in heard:
            if isinstance(item, Speech) and self._speaker is None:
                self._speaker = speech.speaker_of(item.pcm)
                if self._speaker is not None:
                    _note(self._call, self._speaker)
            yield item

    def named(self, hypothesis: Hypothesis) -> Hypothesis:
        """The same words under their own names; the last of an interim hypothesis may be wrong as yet."""
        if self._speaker is None:
            return hypothesis
        words = [self._named(word) for word in hypothesis.words]
        if words and not hypothesis.final:
            words[-1] = replace(words[-1], text=f"maybe{words[-1].text}")
        return replace(hypothesis, words=tuple(words))

    def close(self) -> None:
        """The call is over."""
        if self._speaker is not None:
            _note(self._call, None)

    def _named(self, word: Word) -> Word:
        return replace(word, text=speech.word(self._speaker or 0, word.end_samples * 1000 / ASR_RATE))


class Mt(mt_scripted.Engine):
    """Translates, and keeps its book."""

    async def translate(self, source: Source) -> Translation:
        """See Engine."""
        with _noted(source.text):
            return await super().translate(source)


class Tts(tts_scripted.Engine):
    """Speaks, and keeps its book."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """See Engine."""
        with _noted(clause.text):
            async for pcm in super().synthesize(clause):
                yield pcm


@contextmanager
def _noted(text: str) -> Iterator[None]:
    found = _SPEAKER.search(text)
    call = next(_numbers)
    if found:
        _note(call, int(found[1]))
    try:
        yield
    finally:
        if found:
            _note(call, None)


def _note(call: int, speaker: int | None) -> None:
    path = os.environ.get(BOOK)
    if path is None:
        return
    line = json.dumps({"t": time.monotonic(), "pid": os.getpid(), "call": call, "speaker": speaker})
    with Path(path).open("a") as book:
        book.write(line + "\n")
