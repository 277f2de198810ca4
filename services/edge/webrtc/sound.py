"""The track that a client plays: packets of Opus, 20 ms apart by a clock of its own. Imports aiortc."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack

from services.edge.opus import OpusEncoder
from services.edge.webrtc.voice import FRAME, RATE, Voice

_SECONDS = 0.02
_LATE_SECONDS = 0.2  # behind which the clock jumps: what would come in a burst is played later instead
_TRAILING = 10  # frames of silence behind speech, all of which are sent
_COMFORT = 20  # of those behind, one in so many
_SILENCE = bytes(2 * FRAME)


class VoiceTrack(MediaStreamTrack):
    """Sends what a voice has, and hardly anything while it has nothing."""

    kind = "audio"

    def __init__(self, voice: Voice, room: asyncio.Event) -> None:
        super().__init__()
        self._voice = voice
        self._room = room  # set with each frame that was played
        self._encoder = OpusEncoder(robust=True)
        self._next = 0.0  # when the next frame is due
        self._pts = 0
        self._silent = 0

    async def recv(self) -> av.Packet[Any]:
        """Return the next packet when it is due."""
        while True:
            await self._due()
            samples = self._voice.frame()
            self._room.set()
            self._pts += FRAME
            self._silent = 0 if samples is not None else self._silent + 1
            if self._silent > _TRAILING and self._silent % _COMFORT:
                continue
            packets = self._encoder.encode(_SILENCE if samples is None else samples.tobytes(), RATE, False)
            if packets:
                packet = av.Packet(packets[0])
                packet.pts, packet.time_base = self._pts, Fraction(1, RATE)
                return packet

    async def _due(self) -> None:
        now = time.monotonic()
        if now - self._next > _LATE_SECONDS:
            missed = round((now - self._next) / _SECONDS) if self._next else 0
            self._pts += missed * FRAME
            self._next = now
        await asyncio.sleep(max(0.0, self._next - now))
        self._next += _SECONDS
