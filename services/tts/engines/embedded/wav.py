"""Reads a WAV while it is made: the lengths in its head are not true yet."""

from __future__ import annotations

import struct

from services.common.audio.pcm import Pcm, from_bytes

_RIFF, _CHUNK, _FORMAT = struct.Struct("<4sI4s"), struct.Struct("<4sI"), struct.Struct("<HHIIHH")
_PCM, _MONO, _BITS = 1, 1, 16


class NotSpeech(Exception):
    """Raised for bytes that are no WAV of mono 16-bit PCM."""


class WavReader:
    """Reads a WAV that arrives in pieces of any size. `rate_hertz` is 0 until the head has been read."""

    def __init__(self) -> None:
        self.rate_hertz = 0
        self._pending = b""

    def pcm(self, piece: bytes) -> Pcm:
        """Return the samples that can be read now. Raises NotSpeech when the bytes are no such WAV."""
        self._pending += piece
        if not self.rate_hertz:
            self.rate_hertz, start = head(self._pending)
            self._pending = self._pending[start:]
        whole = len(self._pending) // 2 * 2 if self.rate_hertz else 0
        samples, self._pending = self._pending[:whole], self._pending[whole:]
        return from_bytes(samples)


def head(wav: bytes) -> tuple[int, int]:
    """Return the sampling rate and the offset of the samples in bytes; both 0 while too few bytes are there.

    Raises NotSpeech when it is not mono 16-bit PCM.
    """
    if len(wav) < _RIFF.size:
        return 0, 0
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise NotSpeech
    place, rate_hertz = _RIFF.size, 0
    while place + _CHUNK.size <= len(wav):
        name, size = _CHUNK.unpack_from(wav, place)
        place += _CHUNK.size
        if name == b"data":
            if not rate_hertz:
                raise NotSpeech
            return rate_hertz, place
        if name == b"fmt " and place + _FORMAT.size <= len(wav):
            kind, channels, rate_hertz, _, _, bits = _FORMAT.unpack_from(wav, place)
            if (kind, channels, bits) != (_PCM, _MONO, _BITS):
                raise NotSpeech
        place += size + size % 2
    return 0, 0
