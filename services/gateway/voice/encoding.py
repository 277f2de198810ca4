"""Speech in the encoding that a client asked for: samples as they are, or packets of Opus."""

from __future__ import annotations

from typing import Protocol

import av
import numpy as np

from services.common.audio.pcm import Pcm
from services.gateway.values.terms import Sound

PACKETS_PER_SECOND = 50
_BITS_PER_SECOND = 24_000


class Encoding(Protocol):
    """The encoding of one voice."""

    format: str  # as in the contract's `AudioFormat`
    rate: int  # samples per second

    def encode(self, pcm: Pcm) -> list[tuple[bytes, int]]:
        """Return a piece of speech in messages, and how many samples each of them stands for."""


class WholePieces:
    """Samples of 16 bits, a message for each piece."""

    format = "pcm16le"

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def encode(self, pcm: Pcm) -> list[tuple[bytes, int]]:
        """Return a piece as it is."""
        return [(pcm.astype("<i2", copy=False).tobytes(), len(pcm))]


class OpusPackets:
    """Packets of Opus of 20 ms, each of which can be decoded as it comes; a piece is filled up with silence at its end.

    All pieces of a clause but its last are a multiple of 20 ms long, so nothing within a clause is filled up.
    """

    format = "opus"

    def __init__(self, rate: int) -> None:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, av.AudioCodecContext)
        codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16"
        codec.bit_rate = _BITS_PER_SECOND
        codec.options = {"application": "voip", "frame_duration": str(1000 // PACKETS_PER_SECOND)}
        codec.open()
        self.rate = rate
        self._codec = codec

    def encode(self, pcm: Pcm) -> list[tuple[bytes, int]]:
        """Return a piece in packets."""
        size = self.rate // PACKETS_PER_SECOND
        packets: list[tuple[bytes, int]] = []
        for start in range(0, len(pcm), size):
            part = pcm[start : start + size]
            filled = np.concatenate([part, np.zeros(size - len(part), np.int16)])
            frame = av.AudioFrame.from_ndarray(filled.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = self.rate
            packets += [(bytes(packet), len(part)) for packet in self._codec.encode(frame)]
        return packets


def encoding(agreed: Sound) -> Encoding:
    """Return the encoding of a voice, as it was agreed."""
    return OpusPackets(agreed.sample_rate) if agreed.format == OpusPackets.format else WholePieces(agreed.sample_rate)
