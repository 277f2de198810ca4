"""Where each chunk of audio lies on the session's clock and how long it lasts, before it is decoded. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.gateway import opus
from services.gateway.terms import Sound


@dataclass(frozen=True, slots=True)
class Packet:
    """A chunk in its place; samples are counted at the rate it decodes to."""

    data: bytes  # empty: silence
    offset: int  # of the first sample, by the client's count
    samples: int

    @property
    def end(self) -> int:
        """The offset behind the last sample."""
        return self.offset + self.samples


class Packets:
    """Places the chunks of a session. One without an offset follows the one that came before it.

    An Opus packet that is empty, or does not tell how long it lasts, counts as long as the one before. Clients differ
    in whether they count such a packet at all: with offsets, the next one tells, so it waits for that.
    """

    def __init__(self, sound: Sound, rate: int, start: int) -> None:
        self._opus = sound.format == "opus"
        self._told_rate = sound.sample_rate
        self._rate = rate
        self._sample_bytes = 2 if sound.format == "pcm16le" else 1
        self._next = start
        self._usual = opus.FRAME_SAMPLES
        self._untold: Packet | None = None

    def arrive(self, data: bytes, offset_samples: int | None) -> Iterator[Packet]:
        """What is known with this chunk; its offset is counted at the rate that was agreed."""
        samples = opus.samples_in(data) if self._opus else len(data) // self._sample_bytes
        offset = self._next if offset_samples is None else offset_samples * self._rate // self._told_rate
        if self._untold is not None and self._untold.offset != offset:
            yield self._untold
        self._untold = None
        packet = Packet(data, offset, self._usual if samples is None else samples)
        self._usual, self._next = packet.samples, packet.end
        if samples is None and offset_samples is not None:
            self._untold = packet
        elif packet.samples:
            yield packet

    def settle(self) -> Iterator[Packet]:
        """What waits for the next chunk, which does not come for now."""
        if self._untold is not None:
            yield self._untold
        self._untold = None
