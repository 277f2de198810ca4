"""Speech of the gateway as Opus packets of 20 ms, each of which can be decoded as it comes."""

from __future__ import annotations

import av
import numpy as np

_FRAME_SECONDS = 0.02
_BITS_PER_SECOND = 24_000
_ROBUST_BITS_PER_SECOND = 32_000
_EXPECTED_LOSS_PERCENT = "10"


class OpusEncoder:
    """Encodes one target's speech; what does not fill a packet waits for more, or is filled up with silence.

    With `robust` a packet holds a coarse copy of the one before it, for networks that lose some.
    """

    def __init__(self, robust: bool = False) -> None:
        self._robust = robust
        self._codec: av.AudioCodecContext | None = None
        self._rest = b""

    def encode(self, pcm: bytes, rate: int, last: bool) -> list[bytes]:
        """Return the packets that are ready, of mono samples of 16 bits; with `last` all that was kept back, too."""
        codec = self._codec or self._opened(rate)
        size = 2 * round(rate * _FRAME_SECONDS)
        data = self._rest + pcm
        if last and len(data) % size:
            data += bytes(size - len(data) % size)
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        packets: list[bytes] = []
        for start in range(0, whole, size):
            samples = np.frombuffer(data[start : start + size], "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = rate
            packets += [bytes(packet) for packet in codec.encode(frame)]
        return packets

    def _opened(self, rate: int) -> av.AudioCodecContext:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, av.AudioCodecContext)
        codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16"
        codec.bit_rate = _BITS_PER_SECOND
        codec.options = {"application": "voip", "frame_duration": "20"}
        if self._robust:
            codec.bit_rate = _ROBUST_BITS_PER_SECOND
            codec.options |= {"fec": "1", "packet_loss": _EXPECTED_LOSS_PERCENT}
        codec.open()
        self._codec = codec
        return codec
