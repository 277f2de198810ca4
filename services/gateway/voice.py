"""The voice of one target: speaks clauses in order, on a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from opentelemetry.context import Context

from services.common.audio import Pcm, Resampler
from services.common.channel import Channel
from services.common.errors import MeshError
from services.gateway import messages
from services.gateway.backlog import Ticket
from services.gateway.shared import Mark, Shared
from services.gateway.terms import SpeechChunk, TargetTerms

CHUNK_MS = 80

_ROOM = 64  # clauses; audio is held after seconds, long before


@dataclass(frozen=True, slots=True)
class Clause:
    """Concluded text to speak."""

    text: str
    segment_id: int
    ticket: Ticket
    trace: Context


@dataclass(frozen=True, slots=True)
class SegmentDone:
    """Behind the last clause of a segment."""

    segment_id: int


Spoken: TypeAlias = Clause | SegmentDone | Mark


class Voice:
    """Says what it is given, one thing after the other."""

    def __init__(self, terms: TargetTerms, shared: Shared) -> None:
        self._terms = terms
        self._shared = shared
        self._waiting: Channel[Spoken] = Channel(_ROOM)
        self._position = 0  # samples sent, on the target's own audio clock
        self._interruptions = 0
        self._talking = False
        self._spoken: Clause | None = None  # whose first chunk went out

    async def say(self, spoken: Spoken) -> None:
        """Says it after all before it."""
        await self._waiting.put(spoken)

    async def interrupt(self) -> None:
        """Drops all speech that was not sent yet. What follows is said."""
        self._interruptions += 1
        for spoken in await self._waiting.clear():
            if isinstance(spoken, Clause):
                self._shared.backlog.finish(spoken.ticket)
            else:
                await self._waiting.put(spoken)
        await self._shared.outbox.drop_speech(self._terms.lang)

    async def finish(self) -> None:
        """There is no more to say."""
        await self._waiting.close()

    async def run(self) -> None:
        """Speaks until `finish` was called and all is said."""
        async for spoken in self._waiting:
            match spoken:
                case Clause():
                    await self._speak(spoken)
                case SegmentDone():
                    await self._shared.segment_sent(spoken.segment_id, self._terms.lang)
                case Mark():
                    await self._shared.passed(spoken)
            if self._talking and not len(self._waiting):
                await self._turn(talking=False)
        if self._talking:
            await self._turn(talking=False)

    async def _speak(self, clause: Clause) -> None:
        try:
            await self._synthesize(clause)
        except MeshError as fault:
            await self._shared.report(fault, clause.segment_id, self._terms.lang)
        await self._shared.when_sent(clause.ticket)

    async def _synthesize(self, clause: Clause) -> None:
        interruptions = self._interruptions
        sounds = self._shared.dictionary.of(self._terms.lang).sounds_in(clause.text)
        speech = self._shared.stages.synthesize(clause.text, self._terms, clause.trace, sounds)
        cutter = _Cutter(self._shared.terms.output_rate)
        try:
            async for pcm, rate in speech:
                for chunk in cutter.add(pcm, rate):
                    if self._interruptions != interruptions:
                        return
                    await self._send(clause, chunk)
        finally:
            await speech.aclose()
        if len(rest := cutter.finish()) and self._interruptions == interruptions:
            await self._send(clause, rest, last=True)

    async def _send(self, clause: Clause, pcm: Pcm, last: bool = False) -> None:
        if not self._talking:
            await self._turn(talking=True)
        if self._spoken is not clause:
            self._shared.ledger.spoken(clause.segment_id, self._terms.lang)
        chunk = SpeechChunk(
            data=pcm.astype("<i2", copy=False).tobytes(),
            sample_rate=self._shared.terms.output_rate,
            segment_id=clause.segment_id,
            target_lang=self._terms.lang,
            offset_ms=self._position_ms,
            text="" if self._spoken is clause else clause.text,
            last=last,
        )
        self._spoken = clause
        self._position += len(pcm)
        await self._shared.outbox.put_speech(self._terms.lang, messages.speech(chunk))

    async def _turn(self, talking: bool) -> None:
        self._talking = talking
        await self._shared.outbox.put(messages.voice_event(talking, self._position_ms, self._terms.lang))

    @property
    def _position_ms(self) -> int:
        return self._position * 1000 // self._shared.terms.output_rate


class _Cutter:
    """One clause's speech on its way out: at the agreed rate, in chunks of one length."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler: Resampler | None = None
        self._waiting: Pcm = np.zeros(0, dtype=np.int16)

    def add(self, pcm: Pcm, rate: int) -> list[Pcm]:
        """The chunks that are complete. What may be the last one is kept back."""
        if self._resampler is None:
            self._resampler = Resampler(rate, self._rate)
        self._waiting = np.concatenate([self._waiting, self._resampler.convert(pcm)])
        size = self._rate * CHUNK_MS // 1000
        chunks = []
        while len(self._waiting) > size:
            chunks.append(self._waiting[:size])
            self._waiting = self._waiting[size:]
        return chunks

    def finish(self) -> Pcm:
        """The last chunk: what is left, a chunk's length and what the resampler's filter held back at most."""
        tail = self._resampler.convert(np.zeros(0, dtype=np.int16), last=True) if self._resampler else self._waiting[:0]
        return np.concatenate([self._waiting, tail])
