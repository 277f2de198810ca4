"""Short clips of any format that FFmpeg reads, as samples: decoded in a process of their own, a few at a time."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from services.common.errors import InvalidArgument, TooSlow
from services.edge.rest.decoder import RATE, TOO_LONG

_COMMAND = (sys.executable, "-P", "-m", "services.edge.rest.decoder")
_SECONDS = 40.0
_AT_ONCE = 2


class Decoding:
    """Decodes clips of at most so many seconds."""

    def __init__(self, most_seconds: int) -> None:
        self._most_seconds = most_seconds
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def pcm(self, clip: bytes) -> bytes:
        """Return a clip's audio, mono samples of 16 bits at 16 kHz. Raises InvalidArgument and TooSlow."""
        if not clip:
            raise InvalidArgument(
                "EMPTY_AUDIO", "There is no audio in the request.", "body", ["WAV, MP3, Ogg, FLAC ..."]
            )
        async with self._places:
            return await asyncio.to_thread(self._decoded, clip)

    def _decoded(self, clip: bytes) -> bytes:
        command = (*_COMMAND, str(self._most_seconds))
        try:
            done = subprocess.run(
                command, input=clip, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise TooSlow("AUDIO_TOO_SLOW", "The clip took too long to decode.", "body") from None
        if done.returncode == TOO_LONG:
            message = f"A clip may last {self._most_seconds} s; send longer ones over the WebSocket."
            raise InvalidArgument("CLIP_TOO_LONG", message, "body", [f"{self._most_seconds} s"])
        if done.returncode or not done.stdout:
            message = "The body cannot be read as audio."
            raise InvalidArgument("AUDIO_UNREADABLE", message, "body", ["WAV, MP3, Ogg, FLAC ..."])
        return done.stdout


def seconds(pcm: bytes) -> float:
    """Return how long decoded audio lasts."""
    return len(pcm) / 2 / RATE
