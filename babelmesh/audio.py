"""Audio to send: any file PyAV reads, as 16-bit mono PCM at 16 kHz in chunks of 100 ms, at a chosen speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from babelmesh.errors import AudioUnreadable

SAMPLE_RATE = 16_000
CHUNK_MS = 100
CHUNK_SAMPLES = SAMPLE_RATE * CHUNK_MS // 1000


def duration_ms(pcm: bytes) -> float:
    """How long 16-bit mono PCM at 16 kHz lasts."""
    return len(pcm) / 2 / SAMPLE_RATE * 1000


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file known to hold audio; made by `probe`."""

    path: Path
    duration_ms: float  # as its container tells; 0 when it does not

    def chunks(self) -> Iterator[bytes]:
        """Its audio. Raises AudioUnreadable where it cannot be decoded."""
        return _decoded(self.path)


def probe(path: Path) -> AudioFile:
    """Looks into a file. Raises AudioUnreadable when it is missing, empty, or no audio comes out of it."""
    if path.is_file() and path.stat().st_size == 0:
        raise AudioUnreadable(f"{path} is empty.")
    if not next(_decoded(path), b""):
        raise AudioUnreadable(f"{path} holds no audio: its audio stream is empty.")
    with av.open(str(path)) as container:
        return AudioFile(path, (container.duration or 0) / 1000)


def _decoded(path: Path) -> Iterator[bytes]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE, frame_size=CHUNK_SAMPLES)
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioUnreadable(f"{path} has no audio stream.")
            for frame in container.decode(audio=0):
                for converted in resampler.resample(frame):
                    yield converted.to_ndarray().tobytes()
            for converted in resampler.resample(None):
                yield converted.to_ndarray().tobytes()
    except av.FFmpegError as error:
        raise AudioUnreadable(f"{path} cannot be read as audio: {error.strerror}.") from error


class Pace:
    """Holds audio back to `speed` times real time, measured against one start, so that no drift adds up.

    A speed of 0 holds nothing back. Audio that is late for whatever reason goes out at once until it has caught up.
    """

    def __init__(
        self,
        speed: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._speed = speed
        self._now = now
        self._sleep = sleep
        self._start = now()
        self._audio_ms = 0.0

    async def hold(self, audio_ms: float) -> None:
        """Waits until the next `audio_ms` of audio would have been spoken."""
        self._audio_ms += audio_ms
        if self._speed:
            wait = self._start + self._audio_ms / 1000 / self._speed - self._now()
            if wait > 0:
                await self._sleep(wait)


class Paced:
    """Chunks, decoded beside the event loop, each handed out when its last sample would have been spoken."""

    def __init__(self, chunks: Iterator[bytes], pace: Pace) -> None:
        self._chunks = chunks
        self._pace = pace

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        pcm = await asyncio.to_thread(next, self._chunks, b"")
        if not pcm:
            raise StopAsyncIteration
        await self._pace.hold(duration_ms(pcm))
        return pcm


def audio_file(path: str | Path, speed: float = 1.0) -> AsyncIterator[bytes]:
    """A source for `Session.translate`: a file at `speed` times real time, 0 for as fast as the stream takes it.

    Raises AudioUnreadable.
    """
    return Paced(probe(Path(path)).chunks(), Pace(speed))
