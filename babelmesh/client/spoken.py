"""The speech of one target as received: contiguous on the voice's own clock, and by segment."""

from __future__ import annotations

from dataclasses import dataclass, field

from babelmesh.client.events import TtsChunk

OPUS = "opus"


def samples_of(chunk: TtsChunk) -> int:
    """Return how many samples a chunk stands for; servers of before say it by the length of its data."""
    return chunk.samples or len(chunk.data) // 2


@dataclass(slots=True)
class Said:
    """The speech received of one segment: whole clauses, and the current one."""

    spoken: list[str] = field(default_factory=list)  # clauses spoken to their end, or left out by name
    speaking: str = ""  # the clause of which only a part came
    speaking_samples: int = 0
    samples: int = 0  # of all its speech

    def left_out(self, clause: str) -> None:
        """Record a clause that the server left out by name."""
        self.spoken.append(clause)

    def take(self, chunk: TtsChunk) -> None:
        """Record a chunk. A clause without its last chunk counts as interrupted when another begins."""
        if chunk.text:
            self.spoken += [self.speaking] if self.speaking else []
            self.speaking, self.speaking_samples = chunk.text, 0
        self.samples += samples_of(chunk)
        self.speaking_samples += samples_of(chunk)
        if chunk.last:
            self.spoken += [self.speaking] if self.speaking else []
            self.speaking, self.speaking_samples = "", 0


@dataclass(slots=True)
class VoiceClock:
    """One target's own audio clock."""

    samples: int = 0  # that came since the session began
    speaking: bool = False  # as the last speech event said
    rate: int = 0

    @property
    def now_ms(self) -> int:
        """Position of the clock in milliseconds: the speech received so far."""
        return self.samples * 1000 // self.rate if self.rate else 0

    def take(self, chunk: TtsChunk, said: Said) -> TtsChunk | None:
        """Return the chunk without what came before; None when nothing is left.

        Its offset is in whole milliseconds, so what is trimmed may be a millisecond short of the truth.
        """
        self.rate = chunk.sample_rate or self.rate
        repeated = self._repeated(chunk)
        length = samples_of(chunk)
        if repeated and repeated >= length:
            return None
        goes_on = bool(chunk.text) and chunk.text == said.speaking  # a clause is never begun twice
        if repeated or goes_on:
            chunk = _rest(chunk, repeated, self.now_ms, text="" if repeated or goes_on else chunk.text)
        self.samples += samples_of(chunk)
        said.take(chunk)
        return chunk

    def _repeated(self, chunk: TtsChunk) -> int:
        if not self.rate or chunk.offset_ms >= self.now_ms:
            return 0
        start = -(-chunk.offset_ms * self.rate // 1000)
        return self.samples - start


def _rest(chunk: TtsChunk, repeated: int, offset_ms: int, text: str) -> TtsChunk:
    rest = TtsChunk()
    rest.CopyFrom(chunk)
    rest.offset_ms, rest.text, rest.samples = offset_ms, text, samples_of(chunk) - repeated
    if chunk.format != OPUS:  # a packet is whole, or it is none
        rest.data = chunk.data[2 * repeated :]
    rest.speaking_rate = 0  # of a clause's first chunk only, like its lag
    rest.ClearField("lag_ms")
    return rest
