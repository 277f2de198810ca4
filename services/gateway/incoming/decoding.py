"""Decoders of the audio a client may send. Each turns bytes into mono int16 at the stream's own rate.

Opus comes as packets, one a chunk; FLAC as the bytes of one stream, cut anywhere. Both are PyAV's to decode.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import av
import numpy as np

from services.common.audio.pcm import Pcm, from_bytes
from services.common.errors import InvalidArgument
from services.gateway.incoming import flac, opus
from services.gateway.incoming.filling import faded_out

NOTHING: Pcm = np.zeros(0, dtype=np.int16)
_MOST_MADE_UP = opus.RATE  # samples in a row: frames may be so short that seconds of them are much work
_FADE = opus.RATE // 50  # samples, from there to silence
_FLAC = "the bytes of a FLAC stream, an ID3v2 tag before it or not, and no Ogg"


class Decoder(Protocol):
    """Decodes one session's audio, chunk by chunk."""

    rate: int  # samples per second of what comes out

    def decode(self, chunk: bytes) -> Pcm:
        """The samples of a chunk, or as many as can be told yet. Raises InvalidArgument on bytes that are no audio."""

    def flush(self) -> Pcm:
        """The samples that were still held back: there are no more chunks."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Samples of a stream that could not be decoded, counted from its start at the decoder's rate."""

    start: int
    end: int
    filled: bool  # silence stands in their place; else they are the stream's end, which was cut off


@runtime_checkable
class Incomplete(Protocol):
    """A decoder of streams that tell how long a damaged part of them is."""

    def missing(self) -> list[Missing]:
        """What could not be decoded since this was last asked."""


@runtime_checkable
class Concealing(Protocol):
    """A decoder that knows what lost audio may have sounded like."""

    def conceal(self, samples: int) -> Pcm:
        """Make up samples in place of audio that is lost, behind what was decoded last."""


def decoder(sound_format: str, sample_rate: int, max_samples: int) -> Decoder:
    """A decoder for a format and rate that were agreed. No chunk may decode to more than `max_samples`."""
    match sound_format:
        case "pcm16le":
            return _Pcm16(sample_rate)
        case "mulaw":
            return _MuLaw(sample_rate)
        case "opus":
            return _Opus(max_samples)
        case _:
            return _Flac(sample_rate, max_samples)


class _Pcm16:
    def __init__(self, sample_rate: int) -> None:
        self.rate = sample_rate

    def decode(self, chunk: bytes) -> Pcm:
        if len(chunk) % 2:
            raise _undecodable(f"A pcm16le chunk has {len(chunk)} bytes.", "an even number of bytes")
        return from_bytes(chunk)

    def flush(self) -> Pcm:
        return NOTHING


class _MuLaw:
    def __init__(self, sample_rate: int) -> None:
        self.rate = sample_rate

    def decode(self, chunk: bytes) -> Pcm:
        return _MULAW[np.frombuffer(chunk, dtype=np.uint8)]

    def flush(self) -> Pcm:
        return NOTHING


def _mulaw_table() -> Pcm:
    """G.711's expansion: sign, three bits of exponent, four of mantissa, all inverted."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 132) << exponent.astype(np.int32)) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


_MULAW = _mulaw_table()


class _Opus:
    """Opus always decodes to 48 kHz, whatever rate it was recorded at.

    By libopus: FFmpeg's own decoder falls silent where a frame is lost, and it keeps no state over it.
    """

    rate = opus.RATE

    def __init__(self, max_samples: int) -> None:
        self._codec = av.AudioCodecContext.create("libopus", "r")
        self._codec.layout = "mono"
        self._last = b""
        self._mono = av.AudioResampler(format="s16", layout="mono")
        self._max_samples = max_samples

    def decode(self, chunk: bytes) -> Pcm:
        if chunk.startswith(b"OggS"):
            raise _undecodable("The chunk starts an Ogg container.", "one Opus packet a chunk, without a container")
        if not chunk:
            return NOTHING
        pcm = _decoded(self._codec, self._mono, [av.Packet(chunk)], self._max_samples)
        self._last = opus.lost_frame(chunk)
        return pcm

    def conceal(self, samples: int) -> Pcm:
        """What libopus makes of frames that are lost: the voice fades to noise within some of them; then silence."""
        if not self._last:
            return np.zeros(samples, dtype=np.int16)
        made_up = min(samples, _MOST_MADE_UP)
        lost = [av.Packet(self._last)] * -(-made_up // opus.frame_samples(self._last))
        pcm = _decoded(self._codec, self._mono, lost, made_up + opus.MOST_SAMPLES)[:made_up]
        if made_up == samples:
            return pcm
        return np.concatenate((faded_out(pcm, _FADE), np.zeros(samples - made_up, dtype=np.int16)))

    def flush(self) -> Pcm:
        return NOTHING


class _Flac:
    def __init__(self, sample_rate: int, max_samples: int) -> None:
        self.rate = sample_rate
        self._max_samples = max_samples
        self._stream = flac.Stream()
        self._codec: av.AudioCodecContext | None = None  # None before the stream's metadata
        self._mono = av.AudioResampler(format="s16", layout="mono")
        self._samples = 0  # decoded so far
        self._missing: list[Missing] = []

    def decode(self, chunk: bytes) -> Pcm:
        try:
            return self._joined(self._stream.cut(chunk))
        except flac.NotFlac as error:
            raise _undecodable(str(error), _FLAC) from error

    def flush(self) -> Pcm:
        try:
            return self._joined(self._stream.flush())
        except flac.NotFlac as error:
            raise _undecodable(str(error), _FLAC) from error

    def missing(self) -> list[Missing]:
        found, self._missing = self._missing, []
        return found

    def _joined(self, pieces: list[flac.Piece]) -> Pcm:
        pcm: list[Pcm] = [NOTHING]
        count = 0
        for piece in pieces:
            pcm.append(self._pcm(piece, self._max_samples - count))
            count += len(pcm[-1])
            self._samples += len(pcm[-1])
        return np.concatenate(pcm)

    def _pcm(self, piece: flac.Piece, max_samples: int) -> Pcm:
        match piece:
            case flac.StreamInfo():
                self._codec = _flac_codec(piece.body)
                self._mono = av.AudioResampler(format="s16", layout="mono")
                return NOTHING
            case flac.Frame():
                return self._frame(piece.data, max_samples)
            case flac.LastFrame():
                return self._last_frame(piece, max_samples)
            case flac.Damaged():
                if piece.samples:
                    self._missing.append(Missing(self._samples, self._samples + piece.samples, filled=True))
                return np.zeros(piece.samples, dtype=np.int16)

    def _last_frame(self, last: flac.LastFrame, max_samples: int) -> Pcm:
        """The stream's last frame, if it is whole; what a stream that was cut off lacks is missing, and no fault."""
        pcm = NOTHING
        try:
            pcm = self._frame(last.data, max_samples)
        except InvalidArgument as error:
            if not isinstance(error.__cause__, av.FFmpegError):
                raise
        if not len(pcm) and last.samples:  # FFmpeg passes over pieces of less than ten bytes without a word
            self._missing.append(Missing(self._samples, self._samples + last.samples, filled=False))
        return pcm

    def _frame(self, data: bytes, max_samples: int) -> Pcm:
        assert self._codec is not None  # a stream's metadata come first
        pcm = _decoded(self._codec, self._mono, [av.Packet(data)], max_samples)
        if len(pcm) and self._codec.sample_rate != self.rate:
            was = f"The FLAC stream has {self._codec.sample_rate} Hz, {self.rate} Hz was announced."
            raise InvalidArgument("WRONG_SAMPLE_RATE", was, "audio.sample_rate", [str(self._codec.sample_rate)])
        return pcm


def _flac_codec(stream_info: bytes) -> av.AudioCodecContext:
    """A decoder that also refuses a frame whose checksum is wrong: only the last one of a stream was not checked."""
    codec = av.AudioCodecContext.create("flac", "r")
    codec.extradata = stream_info
    codec.options = {"err_detect": "crccheck+explode"}
    return codec


def _decoded(
    codec: av.AudioCodecContext, mono: av.AudioResampler, packets: Iterable[av.Packet[Any]], max_samples: int
) -> Pcm:
    pieces: list[Pcm] = [NOTHING]
    count = 0
    try:
        for packet in packets:
            for frame in codec.decode(packet):
                pieces += [piece.to_ndarray().reshape(-1).astype(np.int16) for piece in mono.resample(frame)]
                count += frame.samples
                if count > max_samples:  # a few bytes of silence can unpack to minutes
                    raise _undecodable(
                        "The chunk decodes to more audio than a chunk may hold.", f"{max_samples} samples"
                    )
    except (av.FFmpegError, ValueError) as error:
        raise _undecodable("The chunk cannot be decoded.", "audio of the announced format") from error
    return np.concatenate(pieces)


def _undecodable(message: str, accepted: str) -> InvalidArgument:
    return InvalidArgument("UNDECODABLE_AUDIO", message, field="audio.data", accepted=[accepted])
