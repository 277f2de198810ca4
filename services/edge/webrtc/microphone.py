"""A client's microphone: frames of a track, put where they belong on the session's audio clock, as soon as they come.

aiortc's own queue of frames has no bound, so whoever reads late hears late. A pump reads it at once; what the session
does not take in time is left out here, the oldest first, and a hole in the clock tells so. Packets that were lost, and
pauses that a sender left out, are holes in the same way: the clock is that of the frames, not of their arrival.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from services.edge.realtime.inputs import Spoken

LEAST_MS = 40  # of audio in one message to the gateway, where there is no hole behind it
MOST_MS = 200
_WRAP = 1 << 32  # of RTP's clock
_LONGEST_PAUSE_SECONDS = 60  # a clock that jumps further has begun anew
_NARROW, _WIDE = 8_000, 16_000


class Track(Protocol):
    """A track of audio, as aiortc has it."""

    async def recv(self) -> object:
        """Return the next frame. Raises MediaStreamError at its end."""


@dataclass(slots=True)
class _Piece:
    """Unbroken samples, at the rate of the session."""

    offset: int
    pcm: bytearray


@dataclass(slots=True)
class Clock:
    """Where a frame's samples belong: RTP's clock, from the first frame on, over its end at 32 bits. Pure."""

    last: int = 0
    seconds: Fraction = field(default_factory=Fraction)
    begun: bool = False

    def place(self, pts: int, base: Fraction, expected: Fraction) -> Fraction:
        """Return where a frame begins, in seconds; `expected` where the clock cannot be true."""
        if self.begun:
            step = (pts - self.last + _WRAP // 2) % _WRAP - _WRAP // 2
            place = self.seconds + step * base
            true = place >= expected - Fraction(1, 100) and place - expected <= _LONGEST_PAUSE_SECONDS
            self.seconds = place if true else expected
        self.last, self.begun = pts, True
        return self.seconds


class Microphone:
    """The audio of one client on its way to the gateway."""

    def __init__(self, most_ms: int, news: asyncio.Event, rate: int = 0, offset_ms: int = 0) -> None:
        self.rate = rate  # of the session; 0 until a frame says which
        self.left_out_ms = 0.0
        self._most_ms = most_ms
        self._news = news
        self._pieces: deque[_Piece] = deque()
        self._clock = Clock(seconds=Fraction(offset_ms, 1000))
        self._expected = self._clock.seconds  # where the next frame begins, if nothing is missing
        self._resampler: av.AudioResampler | None = None
        self._at = 0  # where the next sample belongs that leaves the resampler

    async def pump(self, track: Track, ended: type[Exception], also: Callable[[av.AudioFrame], None]) -> None:
        """Take in frames as they come, to the end of the track; `also` gets each of them."""
        while True:
            try:
                frame = await track.recv()
            except ended:
                return
            if isinstance(frame, av.AudioFrame):
                self.hear(frame)
                also(frame)

    def hear(self, frame: av.AudioFrame) -> None:
        """Take in one frame."""
        self.rate = self.rate or (_NARROW if frame.sample_rate == _NARROW else _WIDE)
        base = frame.time_base or Fraction(1, frame.sample_rate)
        place = self._clock.place(frame.pts or 0, base, self._expected)
        if self._resampler is None or place - self._expected > Fraction(1, 200):
            self._begin(place)
        assert self._resampler
        for piece in self._resampler.resample(frame):
            self._add(piece)
        self._expected = place + Fraction(frame.samples, frame.sample_rate)

    def take(self) -> Spoken | None:
        """Return the audio that waits, the oldest first, up to a hole; None where there is too little."""
        if not self._pieces:
            return None
        first = self._pieces[0]
        if len(self._pieces) == 1 and self._milliseconds(first) < LEAST_MS:
            return None
        most = 2 * self.rate * MOST_MS // 1000
        data = bytes(first.pcm[:most])
        spoken = Spoken(data, self.rate, first.offset)
        del first.pcm[:most]
        first.offset += len(data) // 2
        if not first.pcm:
            self._pieces.popleft()
        return spoken

    def _begin(self, place: Fraction) -> None:
        """Go on behind a hole: what is inside the resampler belongs before it."""
        if self._resampler is not None:
            for piece in self._resampler.resample(None):
                self._add(piece)
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=self.rate)
        self._at = max(self._at, round(place * self.rate))
        if not self._pieces or self._pieces[-1].pcm:
            self._pieces.append(_Piece(self._at, bytearray()))

    def _add(self, frame: av.AudioFrame) -> None:
        pcm = frame.to_ndarray().astype("<i2", copy=False).tobytes()
        if not self._pieces:
            self._pieces.append(_Piece(self._at, bytearray()))
        self._pieces[-1].pcm += pcm
        self._at += len(pcm) // 2
        while sum(map(self._milliseconds, self._pieces)) > self._most_ms:
            self._leave_out()
        self._news.set()

    def _leave_out(self) -> None:
        first = self._pieces[0]
        count = min(len(first.pcm), 2 * self.rate * MOST_MS // 1000)
        del first.pcm[:count]
        first.offset += count // 2
        self.left_out_ms += count * 500 / self.rate
        if not first.pcm and len(self._pieces) > 1:
            self._pieces.popleft()

    def _milliseconds(self, piece: _Piece) -> float:
        return len(piece.pcm) * 500 / self.rate


def mono(frame: av.AudioFrame) -> npt.NDArray[np.int16]:
    """Return a frame's samples of 16 bits, those of several channels as one."""
    samples = np.asarray(frame.to_ndarray(), dtype=np.int16)
    channels = frame.layout.nb_channels
    if channels == 1:
        return samples.reshape(-1)
    mixed = samples.reshape(-1, channels).astype(np.int32).sum(axis=1) // channels
    return np.asarray(mixed, dtype=np.int16)
