"""Writes translated speech on a timeline, as a WAV file."""

from __future__ import annotations

import wave
from pathlib import Path

from babelmesh.cli.synthetic import mark_wav
from babelmesh.client.errors import BabelmeshError
from babelmesh.client.events import TtsChunk


class Timeline:
    """Clauses of one language in the order they came, separated by silence, none before its time.

    A clause that comes while the one before it still speaks follows it directly.
    """

    def __init__(self, path: Path, first: TtsChunk) -> None:
        if first.format != "pcm16le":
            raise BabelmeshError(f"The server sends speech as {first.format!r}; only pcm16le can be saved.")
        self._path = path
        self._hertz = first.sample_rate
        self._samples = 0
        self._clause_open = False
        self._file = wave.open(str(path), "wb")  # noqa: SIM115  # open as long as the session
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(self._hertz)

    @property
    def length_ms(self) -> int:
        """Length of the timeline so far, in milliseconds."""
        return self._samples * 1000 // self._hertz

    def add(self, chunk: TtsChunk, not_before_ms: float) -> None:
        """Append a chunk; a clause's first is preceded by silence up to `not_before_ms`."""
        if chunk.text or not self._clause_open:  # the last chunk of an interrupted clause never came
            self._append(bytes(2 * max(0, round(not_before_ms * self._hertz / 1000) - self._samples)))
        self._append(chunk.data)
        self._clause_open = not chunk.last

    def close(self) -> None:
        """Complete and close the file, which says that its speech is synthetic."""
        self._file.close()
        mark_wav(self._path)

    def _append(self, pcm: bytes) -> None:
        self._file.writeframesraw(pcm)
        self._samples += len(pcm) // 2
