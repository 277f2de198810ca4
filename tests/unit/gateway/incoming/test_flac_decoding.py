"""FLAC is heard to its end, whatever stands before it or is wrong in it; what cannot be heard is told."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import Pcm
from services.common.errors import InvalidArgument
from services.gateway.incoming.microphone import Microphone
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio, MissingAudio
from services.gateway.values.terms import Sound
from tests.flac_streams import Form, block, frames, header, metadata, noise, stream

SETTINGS = GatewaySettings()
BLOCKS = [noise(400, seed) for seed in range(6)]


def heard(data: bytes, rate: int = 16_000, size: int = 1000) -> tuple[Pcm, list[MissingAudio]]:
    """What is heard of a stream that comes in chunks of so many bytes and then ends, and what is told to be missing."""
    microphone = Microphone(Sound("flac", rate), SETTINGS)
    found = [
        said for at in range(0, len(data), size) for said in microphone.hear(pb.AudioChunk(data=data[at : at + size]))
    ]
    found += microphone.rest()
    pcm = [said.pcm for said in found if isinstance(said, Audio)]
    return np.concatenate([noise(0), *pcm]), [said for said in found if isinstance(said, MissingAudio)]


def encoded(planes: np.ndarray, rate: int, bits: int, frame_size: int) -> bytes:
    """A file of FFmpeg's: samples of 32 bits, a row a channel, of which so many bits are kept."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as file:
        track = file.add_stream("flac", rate=rate, layout={1: "mono", 2: "stereo", 6: "5.1"}[len(planes)])
        assert isinstance(track, av.AudioStream)
        track.codec_context.options = {"frame_size": str(frame_size)}
        form = "s16" if bits == 16 else "s32"
        track.codec_context.format = av.AudioFormat(form)
        samples = (planes >> (32 - bits) << (32 - bits) >> (16 if bits == 16 else 0)).astype(
            f"i{2 if bits == 16 else 4}"
        )
        for start in range(0, samples.shape[1], frame_size):
            part = np.ascontiguousarray(samples[:, start : start + frame_size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format=form, layout=track.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return out.getvalue()


def decoded(data: bytes) -> Pcm:
    """What FFmpeg makes of a file, as mono of 16 bits."""
    mono = av.AudioResampler(format="s16", layout="mono")
    with av.open(io.BytesIO(data), "r") as file:
        pieces = [piece.to_ndarray()[0] for frame in file.decode(audio=0) for piece in mono.resample(frame)]
    return np.concatenate(pieces)


def test_every_sample_is_heard_though_headers_occur_inside_frames() -> None:
    blocks = [np.concatenate([noise(100), np.frombuffer(header(77, 400), dtype=">i2"), noise(200)]) for _ in range(4)]
    pcm, missing = heard(stream(blocks))
    assert np.array_equal(pcm, np.concatenate(blocks))
    assert not missing


@pytest.mark.parametrize("form", [Form(), Form(variable=True)])
def test_a_stream_that_tells_neither_its_length_nor_its_frames_sizes_is_heard(form: Form) -> None:
    blocks = [noise(size) for size in ((192, 4608, 16, 2000) if form.variable else (1000, 1000, 1000, 300))]
    pcm, missing = heard(stream(blocks, form))
    assert np.array_equal(pcm, np.concatenate(blocks))
    assert not missing


@pytest.mark.parametrize(("channels", "bits"), [(1, 16), (2, 16), (2, 24), (1, 24), (6, 24)])
@pytest.mark.parametrize("frame_size", [192, 4608])
def test_samples_of_any_depth_and_channels_are_those_that_ffmpeg_decodes(
    channels: int, bits: int, frame_size: int
) -> None:
    planes = np.random.default_rng(3).integers(-(2**30), 2**30, (channels, 20_000)).astype(np.int32)
    data = encoded(planes, 16_000, bits, frame_size)
    pcm, missing = heard(data)
    assert np.array_equal(pcm, decoded(data))
    assert not missing


def test_a_cover_of_megabytes_and_a_tag_before_the_stream_are_no_audio_and_no_fault() -> None:
    picture = block(6, bytes(2_000_000))
    tag = b"ID3\x04\0\0" + bytes([0, 0, 7, 0x76]) + bytes(1014)
    pcm, missing = heard(tag + metadata(Form(), picture) + b"".join(frames(BLOCKS)), size=100_000)
    assert np.array_equal(pcm, np.concatenate(BLOCKS))
    assert not missing


@pytest.mark.parametrize("left", [1, 3, 7, 17, 500, 809, 810])
def test_a_stream_cut_in_its_last_frame_is_heard_up_to_it_and_the_cut_is_told(left: int) -> None:
    data = metadata() + b"".join(frames(BLOCKS)[:5]) + frames(BLOCKS)[5][:left]
    pcm, missing = heard(data)
    assert np.array_equal(pcm, np.concatenate(BLOCKS[:5]))
    assert missing == [MissingAudio(2000, 2400)]


def test_what_follows_the_last_frame_is_no_fault() -> None:
    pcm, missing = heard(stream(BLOCKS) + b"TAG" + bytes(125))
    assert np.array_equal(pcm, np.concatenate(BLOCKS))
    assert not missing


def test_a_second_stream_is_heard_behind_the_first() -> None:
    pcm, missing = heard(stream(BLOCKS) + stream(BLOCKS[:2], Form(variable=True)))
    assert np.array_equal(pcm, np.concatenate([*BLOCKS, *BLOCKS[:2]]))
    assert not missing


def test_a_damaged_frame_is_silent_and_told_and_the_clock_goes_on() -> None:
    harmed = bytearray(stream(BLOCKS, Form(rate=8_000)))
    harmed[len(metadata()) + 900] ^= 1
    pcm, missing = heard(bytes(harmed), rate=8_000)
    assert len(pcm) == 2 * 2400
    assert missing == [MissingAudio(800, 1600, filled=True, corrupt=True)]


def test_a_damaged_part_that_is_longer_than_a_chunk_may_be_is_silent_too() -> None:
    blocks = [noise(4096, seed) for seed in range(15)]
    form = Form(rate=8_000)
    parts = frames(blocks, form)
    parts[1:13] = [b"\x55" * len(part) for part in parts[1:13]]
    pcm, missing = heard(metadata(form) + b"".join(parts), rate=8_000)
    assert len(pcm) == 2 * 15 * 4096
    assert missing == [MissingAudio(0, 2 * 13 * 4096, filled=True, corrupt=True)]


def test_frames_that_are_zeros_are_silent_and_told_and_the_clock_goes_on() -> None:
    parts = frames(BLOCKS)
    parts[2:4] = [bytes(len(part)) for part in parts[2:4]]
    pcm, missing = heard(metadata() + b"".join(parts))
    assert np.array_equal(pcm, np.concatenate([*BLOCKS[:2], noise(800) * 0, *BLOCKS[4:]]))
    assert missing == [MissingAudio(800, 1600, filled=True, corrupt=True)]


def test_damage_at_the_start_of_a_stream_that_was_joined_late_is_no_gap_of_no_length() -> None:
    parts = frames(BLOCKS, first_number=1_000)
    pcm, missing = heard(metadata() + parts[0][20:] + b"".join(parts[1:]))
    assert len(pcm) == 5 * 400
    assert not missing


def test_a_rate_that_was_not_announced_is_refused() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        heard(stream(BLOCKS), rate=48_000)
    assert refusal.value.code == "WRONG_SAMPLE_RATE"
