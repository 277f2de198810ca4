"""One voice's clauses as they wait, and their speech on its way to the client, in chunks of one length."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from opentelemetry.context import Context

from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.audio.resampling import Resampler
from services.common.channel import Changes
from services.gateway.account.account import Account, Ticket
from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import SMALL_BYTES
from services.gateway.values.continuation import TargetContinuation
from services.gateway.values.speech import Mark, Rung, SpeechChunk
from services.gateway.voice.encoding import Encoding
from services.gateway.voice.pacing import Playout

CHUNK_MS = 80
JOINED = 2  # chunks that are there at once travel together: a message costs the same however long it is


@dataclass(frozen=True, slots=True)
class Clause:
    """Concluded text that is to be spoken as one clause."""

    text: str
    segment_id: int
    ticket: Ticket
    trace: Context
    typed: bool = False  # its source was not spoken, so there is no speaker to fall behind
    source_samples: int = 0  # where the source speech it is made from ends
    said_samples: int = 0  # so much of it the listener has already, at the output rate
    rung: Rung = field(default_factory=Rung)  # the tier that speaks the utterance
    unsure: bool = False  # the language of its source: it is left out


@dataclass(frozen=True, slots=True)
class SegmentDone:
    """Marks the end of a segment, behind its last clause."""

    segment_id: int


VoiceItem: TypeAlias = Clause | SegmentDone | Mark


class Waiting:
    """Clauses, and what follows them, in order. Bounded: who adds waits for room, or makes some."""

    def __init__(self, room: int) -> None:
        self.drops = 0  # so often all clauses were dropped
        self._items: list[VoiceItem] = []
        self._room = room
        self._closed = False
        self._changed = Changes()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def waiting_bytes(self) -> int:
        """The size of the text of the clauses that wait."""
        return sum(len(each.text.encode()) for each in self._items if isinstance(each, Clause))

    async def newer(self) -> None:
        """Wait until a clause waits, or all clauses were dropped."""
        drops = self.drops
        while self.drops == drops and not any(isinstance(each, Clause) for each in self._items):
            await self._changed.wait()

    async def put(self, spoken: VoiceItem) -> None:
        """Add something behind all others, once there is room."""
        while len(self._items) >= self._room:
            await self._changed.wait()
        self._items.append(spoken)
        self._changed.tell()

    async def squeeze(self, spoken: VoiceItem) -> list[VoiceItem]:
        """Add something at once. Returns what had to make room: the oldest clause, and what now follows no clause."""
        gone: list[VoiceItem] = []
        self._items.append(spoken)
        if len(self._items) > self._room:
            oldest = next((each for each in self._items if isinstance(each, Clause)), None)
            while self._items and (oldest in self._items or not isinstance(self._items[0], Clause)):
                gone.append(self._items.pop(0))
        self._changed.tell()
        return gone

    async def drop_clauses(self) -> list[Clause]:
        """Take out all clauses; what follows them stays."""
        self.drops += 1
        clauses = [each for each in self._items if isinstance(each, Clause)]
        self._items = [each for each in self._items if not isinstance(each, Clause)]
        self._changed.tell()
        return clauses

    async def close(self) -> None:
        """Close the queue: no clause will be added."""
        self._closed = True
        self._changed.tell()

    def __aiter__(self) -> AsyncIterator[VoiceItem]:
        return self

    async def __anext__(self) -> VoiceItem:
        while not self._items and not self._closed:
            await self._changed.wait()
        if not self._items:
            raise StopAsyncIteration
        item = self._items.pop(0)
        self._changed.tell()
        return item


@dataclass(frozen=True, slots=True)
class ClauseStart:
    """What the first chunk of a clause tells; fields as in the contract's `TtsChunk`."""

    text: str = ""
    speaking_rate: float = 0.0
    lag_ms: int | None = None


_WITHOUT_START = ClauseStart()


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a clause's speech."""

    clause: Clause
    pcm: Pcm
    start: ClauseStart | None = None  # of the first one
    last: bool = False


class Speech:
    """Offsets and turns are those of what was written to the client: what is dropped leaves no trace.

    In a resumed session they go on from those of the call before.
    """

    def __init__(self, lang: str, account: Account, encoding: Encoding, seed: TargetContinuation) -> None:
        self.playout = Playout()
        self.open = seed.voice_speaking  # whether something was put since the last `end`
        self._lang = lang
        self._account = account
        self._encoding = encoding
        self._talking = seed.voice_speaking  # as the client has been told

    async def put(self, piece: Piece) -> None:
        """Send a chunk, unless it is dropped first."""
        self.open = True
        if piece.start:
            self._account.ledger.spoken(piece.clause.segment_id, self._lang)
        heard_at = self._account.moment.heard_at(piece.clause.source_samples)
        self.playout.sent(len(piece.pcm) * ASR_RATE // self._encoding.rate, heard_at)
        await self._account.outbox.put_speech(self._lang, lambda: self._written(piece), SMALL_BYTES + piece.pcm.nbytes)

    async def end(self) -> None:
        """End the voice's turn: it has no more to say for now."""
        self.open = False
        await self._account.outbox.put_made(lambda: self._turn(talking=False))

    async def drop(self) -> None:
        """Take back the speech that was not written yet."""
        self.playout.drop(self._account.moment.now_samples)
        await self._account.outbox.drop_speech(self._lang)

    def _written(self, piece: Piece) -> list[ServerMessage]:
        written = self._turn(talking=True)
        encoded = self._encoding.encode(piece.pcm)
        for index, (data, count) in enumerate(encoded):
            start = (None if index else piece.start) or _WITHOUT_START
            chunk = SpeechChunk(
                data=data,
                format=self._encoding.format,
                sample_rate=self._encoding.rate,
                samples=count,
                segment_id=piece.clause.segment_id,
                target_lang=self._lang,
                offset_ms=self._position_ms,
                text=start.text,
                last=piece.last and index == len(encoded) - 1,
                speaking_rate=start.speaking_rate,
                lag_ms=start.lag_ms,
                typed=piece.clause.typed,
            )
            written.append(messages.speech(chunk))
            self._account.ledger.delivery.voice_sent(self._lang, self._position + count)
        return written

    def _turn(self, talking: bool) -> list[ServerMessage]:
        if self._talking == talking:
            return []
        self._talking = talking
        return [messages.voice_event(talking, self._position_ms, self._lang)]

    @property
    def _position(self) -> int:
        """Samples written in this language, by an earlier target of the session too: the voice's own audio clock."""
        return self._account.ledger.delivery.voice_samples(self._lang)

    @property
    def _position_ms(self) -> int:
        return self._position * 1000 // self._encoding.rate


class Cutter:
    """Cuts one clause's speech into chunks at the agreed rate, without what the listener has of it already.

    Chunks that are there at once are joined, so many at most.
    """

    def __init__(self, rate: int, had_samples: int = 0, joined: int = JOINED) -> None:
        self._rate = rate
        self._joined = joined
        self._had_samples = had_samples
        self._resampler: Resampler | None = None
        self._waiting: Pcm = np.zeros(0, dtype=np.int16)

    def add(self, pcm: Pcm, rate: int) -> list[Pcm]:
        """The chunks that are complete. What may be the last one is kept back."""
        if self._resampler is None:
            self._resampler = Resampler(rate, self._rate)
        self._waiting = np.concatenate([self._waiting, self._new(self._resampler.convert(pcm))])
        size = self._rate * CHUNK_MS // 1000
        ready, most = max(0, len(self._waiting) - 1) // size * size, self._joined * size
        chunks = [self._waiting[start : min(start + most, ready)] for start in range(0, ready, most)]
        self._waiting = self._waiting[ready:]
        return chunks

    def flush(self) -> Pcm:
        """The last chunk: what is left, a chunk's length and what the resampler's filter held back at most."""
        tail = self._resampler.convert(np.zeros(0, dtype=np.int16), last=True) if self._resampler else self._waiting[:0]
        return np.concatenate([self._waiting, self._new(tail)])

    def _new(self, pcm: Pcm) -> Pcm:
        had = min(self._had_samples, len(pcm))
        self._had_samples -= had
        return pcm[had:]
