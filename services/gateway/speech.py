"""One voice's speech on its way to the client: chunks of one length on the voice's own audio clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.audio.resampling import Resampler
from services.gateway import messages
from services.gateway.continuation import TargetContinuation
from services.gateway.messages import ServerMessage
from services.gateway.outbox import SMALL_BYTES
from services.gateway.pacing import Playout
from services.gateway.shared import Shared
from services.gateway.terms import SpeechChunk
from services.gateway.waiting import Clause

CHUNK_MS = 80


@dataclass(frozen=True, slots=True)
class Start:
    """What the first chunk of a clause tells; fields as in the contract's `TtsChunk`."""

    text: str = ""
    speaking_rate: float = 0.0
    lag_ms: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a clause."""

    clause: Clause
    pcm: Pcm
    start: Start | None = None  # of the first one
    last: bool = False


class Speech:
    """Offsets and turns are those of what was written to the client: what is dropped leaves no trace.

    In a resumed session they go on from those of the call before.
    """

    def __init__(self, lang: str, shared: Shared, seed: TargetContinuation) -> None:
        self.playout = Playout()
        self.open = seed.voice_speaking  # whether something was put since the last `end`
        self._lang = lang
        self._shared = shared
        self._talking = seed.voice_speaking  # as the client has been told

    async def put(self, piece: Piece) -> None:
        """Sends a chunk, unless it is dropped first."""
        self.open = True
        if piece.start:
            self._shared.ledger.spoken(piece.clause.segment_id, self._lang)
        heard_at = self._shared.moment.heard_at(piece.clause.source_samples)
        self.playout.sent(len(piece.pcm) * ASR_RATE // self._shared.terms.output_rate, heard_at)
        await self._shared.outbox.put_speech(self._lang, lambda: self._written(piece), SMALL_BYTES + piece.pcm.nbytes)

    async def end(self) -> None:
        """There is no more to say for now."""
        self.open = False
        await self._shared.outbox.put_made(lambda: self._turn(talking=False))

    async def drop(self) -> None:
        """Takes back what was not written yet."""
        self.playout.drop(self._shared.moment.now_samples)
        await self._shared.outbox.drop_speech(self._lang)

    def _written(self, piece: Piece) -> list[ServerMessage]:
        chunk = SpeechChunk(
            data=piece.pcm.astype("<i2", copy=False).tobytes(),
            sample_rate=self._shared.terms.output_rate,
            segment_id=piece.clause.segment_id,
            target_lang=self._lang,
            offset_ms=self._position_ms,
            last=piece.last,
            **asdict(piece.start or Start()),
        )
        turn = self._turn(talking=True)
        self._shared.ledger.delivery.voice_sent(self._lang, self._position + len(piece.pcm))
        return [*turn, messages.speech(chunk)]

    def _turn(self, talking: bool) -> list[ServerMessage]:
        if self._talking == talking:
            return []
        self._talking = talking
        return [messages.voice_event(talking, self._position_ms, self._lang)]

    @property
    def _position(self) -> int:
        """Samples written in this language, by an earlier target of the session too: the voice's own audio clock."""
        return self._shared.ledger.delivery.voice_samples(self._lang)

    @property
    def _position_ms(self) -> int:
        return self._position * 1000 // self._shared.terms.output_rate


class Cutter:
    """One clause's speech at the agreed rate, in chunks of one length, without what the listener has of it already."""

    def __init__(self, rate: int, had_samples: int = 0) -> None:
        self._rate = rate
        self._had_samples = had_samples
        self._resampler: Resampler | None = None
        self._waiting: Pcm = np.zeros(0, dtype=np.int16)

    def add(self, pcm: Pcm, rate: int) -> list[Pcm]:
        """The chunks that are complete. What may be the last one is kept back."""
        if self._resampler is None:
            self._resampler = Resampler(rate, self._rate)
        self._waiting = np.concatenate([self._waiting, self._new(self._resampler.convert(pcm))])
        size = self._rate * CHUNK_MS // 1000
        chunks = []
        while len(self._waiting) > size:
            chunks.append(self._waiting[:size])
            self._waiting = self._waiting[size:]
        return chunks

    def finish(self) -> Pcm:
        """The last chunk: what is left, a chunk's length and what the resampler's filter held back at most."""
        tail = self._resampler.convert(np.zeros(0, dtype=np.int16), last=True) if self._resampler else self._waiting[:0]
        return np.concatenate([self._waiting, self._new(tail)])

    def _new(self, pcm: Pcm) -> Pcm:
        had = min(self._had_samples, len(pcm))
        self._had_samples -= had
        return pcm[had:]
