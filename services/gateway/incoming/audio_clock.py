"""A session's chunks in the order of its clock, though packets are lost, late or doubled and clocks drift. Pure.

Time is samples, at the rate the chunks decode to.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from services.gateway.incoming import opus
from services.gateway.values.terms import Sound

REORDERED_MS = 100  # of audio behind a hole may wait for what belongs into it
TOLERATED_MS = 5  # by which a chunk may lie beside its place, and is taken to follow the one before it
DRIFTED_MS = 1  # of that is left alone; more is worked off, by so much of a chunk:
WORKED_OFF = 100  # one part in so many, which nobody hears
_MOST_HELD = 128  # chunks: they may be tiny
_REMEMBERED = 32  # holes that were filled


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How the chunks of a session are treated."""

    rate: int  # samples per second
    filled_below: int  # a hole shorter than this is filled, a longer one ends the segment
    whole: bool = False  # a chunk is heard whole or not at all, and those before the start teach the decoder


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk whose turn it is, and what the clock does at it."""

    packet: Packet
    at: int  # where it begins on the clock, without what is skipped
    missing: int = 0  # samples before it that did not come
    filled: bool = False  # whether they are made up: else the clock jumps
    skip: int = 0  # of its first samples, heard before
    stretch: int = 0  # samples that the rest becomes longer by, or shorter


class Timeline:
    """Puts chunks in order as they come, each once, and tells what is missing between them."""

    def __init__(self, rules: ClockRules, start: int) -> None:
        self._rules = rules
        self._at = start  # the clock: the end of what was given
        self._told_end = start  # the same by the client's count, which may lie a little beside
        self._taught_until: int | None = None  # the end of the last chunk before the start
        self._begun = False
        self._exact = True  # what overlaps next is a repeat, and no drift
        self._held: list[Packet] = []  # in order
        self._filled: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self.late_samples = 0  # that came when their place was filled already

    def arrive(self, packet: Packet) -> Iterator[PlacedChunk]:
        """Take a chunk in, and give the pieces whose place is certain with it."""
        for held in self._held:
            if held.offset == packet.offset and held.samples == packet.samples:
                return
        if self._held:
            insort(self._held, packet, key=lambda each: each.offset)
        else:
            self._held.append(packet)
        yield from self._release()

    def at_rest(self, start: int) -> bool:
        """Whether nothing is held, and a chunk that begins there begins exactly where the one before it ended."""
        return not self._held and start == self._at == self._told_end

    def follow(self, samples: int) -> None:
        """Note that chunks came, each exactly where the one before it ended."""
        self._at += samples
        self._told_end, self._begun, self._exact = self._at, True, False

    def settle(self) -> Iterator[PlacedChunk]:
        """All that is held: nothing is waited for."""
        yield from self._release(certain=True)

    def _release(self, certain: bool = False) -> Iterator[PlacedChunk]:
        while self._held:
            first = self._held[0]
            missing = first.offset - self._at
            if missing > self._tolerated(first):
                if not (certain or missing >= self._rules.filled_below or self._waited()):
                    return
                yield self._behind_hole(self._held.pop(0), missing)
            elif (piece := self._following(self._held.pop(0))) is not None:
                yield piece

    def _waited(self) -> bool:
        held = self._held[-1].end - self._held[0].offset
        return held * 1000 > REORDERED_MS * self._rules.rate or len(self._held) >= _MOST_HELD

    def _behind_hole(self, packet: Packet, missing: int) -> PlacedChunk:
        filled = missing < self._rules.filled_below
        if filled:
            self._filled.append((self._at, packet.offset))
        self._at = packet.offset
        return self._given(PlacedChunk(packet, packet.offset, missing, filled))

    def _following(self, packet: Packet) -> PlacedChunk | None:
        """A chunk that begins where the one before it ended, or before that."""
        if self._rules.whole and not self._begun and packet.offset < self._at:
            return self._before_start(packet)
        heard = max(self._at, self._told_end)
        slip = packet.offset - self._at
        if packet.end <= heard or (self._rules.whole and slip < -self._tolerated(packet)):
            self._drop(packet)
            return None
        if slip < 0 and not self._rules.whole and (self._exact or slip < -self._tolerated(packet)):
            return self._given(PlacedChunk(packet, self._at, skip=heard - packet.offset))
        return self._given(PlacedChunk(packet, self._at, stretch=self._worked_off(slip, packet) if slip else 0))

    def _before_start(self, packet: Packet) -> PlacedChunk | None:
        """A chunk that teaches the decoder: nothing of it is heard, or its end."""
        if self._taught_until is not None and packet.offset < self._taught_until - self._tolerated(packet):
            return None
        self._taught_until = packet.end
        skip = min(packet.samples, self._at - packet.offset)
        piece = PlacedChunk(packet, self._at, skip=skip)
        return piece if skip == packet.samples else self._given(piece)

    def _drop(self, packet: Packet) -> None:
        self._exact = True
        for start, end in self._filled:
            self.late_samples += max(0, min(end, packet.end) - max(start, packet.offset))

    def _given(self, piece: PlacedChunk) -> PlacedChunk:
        self._begun, self._exact = True, False
        self._at += piece.packet.samples - piece.skip + piece.stretch
        self._told_end = piece.packet.end
        return piece

    def _worked_off(self, slip: int, packet: Packet) -> int:
        """How much longer a chunk becomes, so that the clock comes nearer to the client's count."""
        left_alone = min(DRIFTED_MS * self._rules.rate // 1000, self._tolerated(packet) // 2)
        if abs(slip) <= left_alone:
            return 0
        most = packet.samples // WORKED_OFF
        return max(-most, min(most, slip))

    def _tolerated(self, packet: Packet) -> int:
        """A packet's distance from its place that is no hole, nor a repeat."""
        return max(2, min(TOLERATED_MS * self._rules.rate // 1000, packet.samples // 4))


@dataclass(frozen=True, slots=True)
class Packet:
    """A chunk in its place; samples are counted at the rate it decodes to."""

    data: bytes  # empty: silence
    offset: int  # of the first sample, by the client's count
    samples: int

    @property
    def end(self) -> int:
        """The offset behind the packet's last sample."""
        return self.offset + self.samples


class Packets:
    """Places the chunks of a session. One without an offset follows the one that came before it.

    An Opus packet that is empty, or does not tell how long it lasts, counts as long as the one before. Clients differ
    in whether they count such a packet at all: with offsets, the next one tells, so it waits for that.
    """

    def __init__(self, sound: Sound, rate: int, start: int) -> None:
        self._sound = sound
        self._rate = rate
        self.next = start  # where a chunk without an offset begins
        self._usual = opus.FRAME_SAMPLES
        self._untold: Packet | None = None

    def arrive(self, data: bytes, offset_samples: int | None) -> Iterator[Packet]:
        """What is known with this chunk; its offset is counted at the rate that was agreed."""
        samples = self._samples_in(data)
        offset = self.next if offset_samples is None else offset_samples * self._rate // self._sound.sample_rate
        if self._untold is not None and self._untold.offset != offset:
            yield self._untold
        self._untold = None
        packet = Packet(data, offset, self._usual if samples is None else samples)
        self._usual, self.next = packet.samples, packet.end
        if samples is None and offset_samples is not None:
            self._untold = packet
        elif packet.samples:
            yield packet

    def _samples_in(self, data: bytes) -> int | None:
        """How long a chunk lasts; None where it does not tell."""
        if self._sound.format == "opus":
            return opus.samples_in(data)
        return len(data) // (2 if self._sound.format == "pcm16le" else 1)

    def settle(self) -> Iterator[Packet]:
        """What waits for the next chunk, which does not come for now."""
        if self._untold is not None:
            yield self._untold
        self._untold = None
