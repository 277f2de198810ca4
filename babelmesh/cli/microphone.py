"""A microphone as a source of audio for a session."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from babelmesh.client.audio import CHUNK_SAMPLES, SAMPLE_RATE
from babelmesh.client.errors import AudioUnreadable
from babelmesh.client.session import Chunk

KEPT_CHUNKS = 300  # 30 s: what a held stream may leave unsent before the oldest is dropped


class Microphone:
    """Yields chunks from a microphone until `stop`. Audio dropped for lateness leaves a gap in the offsets."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[Chunk] = deque(maxlen=KEPT_CHUNKS)
        self._offset_samples = 0
        self._stopped = False
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Stop recording; what has been recorded is still yielded, then the source ends."""
        self._stopped = True
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        while not self._chunks and not self._stopped:
            self._changed.clear()
            await self._changed.wait()
        if not self._chunks:
            raise StopAsyncIteration
        return self._chunks.popleft()

    def spoken(self, pcm: bytes) -> None:
        """Add a chunk, in the event loop's thread."""
        self._chunks.append(Chunk(pcm, self._offset_samples))
        self._offset_samples += len(pcm) // 2
        self._changed.set()

    def recorded(self, pcm: Any, _frames: int, _time: Any, _status: Any) -> None:
        """Add a chunk from the recording thread."""
        self._loop.call_soon_threadsafe(self.spoken, bytes(pcm))


@contextmanager
def microphone(device: str | None = None) -> Iterator[Microphone]:
    """Record from the default input device, or the one named or numbered, for the block. Raises AudioUnreadable."""
    source = Microphone()
    sounddevice = _sounddevice()
    try:
        stream = sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE,
            blocksize=CHUNK_SAMPLES,
            device=int(device) if device and device.isdigit() else device,
            channels=1,
            dtype="int16",
            callback=source.recorded,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioUnreadable(f"No microphone can be opened: {error}. `python -m sounddevice` lists devices.") from None
    with stream:
        yield source


def _sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  # an extra, imported when asked for
    except ImportError:
        raise AudioUnreadable("The microphone needs an extra: pip install 'babelmesh[mic]'.") from None
    except OSError:
        raise AudioUnreadable("The microphone needs PortAudio: apt install libportaudio2.") from None
    return sounddevice
