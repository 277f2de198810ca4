"""A voice in packets, and what a microphone makes of those that arrive."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE, Pcm
from services.gateway.incoming.microphone import Microphone
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio, MissingAudio
from services.gateway.values.terms import Sound

PACKET_MS = 20


def voice(seconds: float, rate: int) -> Pcm:
    """Something with a pitch of 200 Hz and a slow swell, without a jump from one sample to the next."""
    time = np.arange(int(seconds * rate)) / rate
    swell = 0.7 + 0.3 * np.sin(2 * np.pi * 3 * time)
    return (6000 * swell * np.sin(2 * np.pi * 200 * time)).astype(np.int16)


def pcm_packets(seconds: float, rate: int = ASR_RATE) -> list[pb.AudioChunk]:
    """Of 16-bit PCM."""
    long, pcm = rate * PACKET_MS // 1000, voice(seconds, rate)
    return [pb.AudioChunk(data=pcm[at : at + long].tobytes(), offset_samples=at) for at in range(0, len(pcm), long)]


def opus_packets(seconds: float, rate: int = 48_000) -> list[pb.AudioChunk]:
    """Of Opus, as a call has them."""
    codec = av.AudioCodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16"
    codec.options = {"application": "voip", "frame_duration": str(PACKET_MS)}
    long, pcm, packets = rate * PACKET_MS // 1000, voice(seconds, rate), []
    for at in range(0, len(pcm), long):
        frame = av.AudioFrame.from_ndarray(pcm[at : at + long].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        packets += [pb.AudioChunk(data=bytes(each), offset_samples=at) for each in codec.encode(frame)]
    return packets


def microphone(sound_format: str, rate: int) -> Microphone:
    """One whose segments end after half a second."""
    return Microphone(Sound(sound_format, rate), GatewaySettings())


def heard(source: Microphone, chunks: Iterable[pb.AudioChunk]) -> tuple[Pcm, list[MissingAudio]]:
    """One unbroken sound, and the gaps told; fails where the clock of the audio jumps."""
    pieces = [piece for chunk in chunks for piece in source.hear(chunk)] + source.rest()
    sounds = [piece for piece in pieces if isinstance(piece, Audio)]
    at = 0
    for each in sounds:
        assert each.offset_samples == at
        at = each.end_samples
    gaps = [piece for piece in pieces if isinstance(piece, MissingAudio)]
    return np.concatenate([each.pcm for each in sounds]), gaps


def steepest(pcm: Pcm) -> int:
    """The largest step from one sample to the next: a click is one of thousands."""
    return int(np.abs(np.diff(pcm.astype(np.int32))).max())


def loudness(pcm: Pcm) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))
