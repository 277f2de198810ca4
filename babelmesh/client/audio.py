"""Audio to send: any file FFmpeg reads, as 16-bit mono PCM at 16 kHz in chunks of 100 ms, at a chosen speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.guarded import Decoded, looked_into
from babelmesh.client.decoding.wire import Form
from babelmesh.client.errors import AudioUnreadable

SAMPLE_RATE = 16_000
CHUNK_MS = 100
CHUNK_SAMPLES = SAMPLE_RATE * CHUNK_MS // 1000


def duration_ms(pcm: bytes) -> float:
    """Return the duration of 16-bit mono PCM at 16 kHz, in milliseconds."""
    return len(pcm) / 2 / SAMPLE_RATE * 1000


FORM = Form(SAMPLE_RATE, 1, floats=False, block_samples=CHUNK_SAMPLES)


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A probed file with audio; made by `probe`."""

    path: Path
    duration_ms: float  # as its container tells; 0 when it does not
    track: int = 0  # the one that is read, among its audio tracks, from 0

    def chunks(self) -> Decoded:
        """Return the file's audio on its container's clock. Raises AudioUnreadable where it cannot be decoded."""
        return Decoded(str(self.path), self.track, FORM)


def probe(path: Path, track: int | None = None) -> AudioFile:
    """Probe a file for an audio track, counted from 1; without a number for the first that is not silent.

    Raises AudioUnreadable when the file is missing, empty, or no audio comes out of it, or when it has no such track.
    """
    if track is not None and track < 1:
        raise AudioUnreadable(f"There is no track {track}: tracks are counted from 1.")
    found = looked_into(str(path), None if track is None else track - 1)
    return AudioFile(path, found.duration_ms, found.track)


class Pace:
    """Holds audio back to `speed` times real time, measured from one start, so that no drift adds up.

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
        """Wait until the next `audio_ms` of audio would have been spoken."""
        self._audio_ms += audio_ms
        if self._speed:
            wait = self._start + self._audio_ms / 1000 / self._speed - self._now()
            if wait > 0:
                await self._sleep(wait)


class Paced:
    """Yields chunks, decoded beside the event loop, each when its last sample would have been spoken."""

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


class FileSource(Paced):
    """A file as a source for `Session.translate`; made by `audio_file`."""

    def __init__(self, decoded: Decoded, pace: Pace) -> None:
        super().__init__(decoded, pace)
        self._decoded = decoded

    @property
    def findings(self) -> Findings:
        """The faults found in what has been read so far: damaged places, holes, an early end."""
        return self._decoded.findings

    def close(self) -> None:
        """Stop reading the file before its end."""
        self._decoded.close()


def audio_file(path: str | Path, speed: float = 1.0, track: int | None = None) -> FileSource:
    """Return a source for `Session.translate`: a file at `speed` times real time; 0 for as fast as the stream takes
    it.

    `track` counts its audio tracks from 1; without it, the first that is not silent is read. What is damaged is
    skipped, and told by `findings` afterwards. Raises AudioUnreadable.
    """
    return FileSource(probe(Path(path), track).chunks(), Pace(speed))
