"""Audio of any accepted format and rate becomes 16 kHz on one clock; what is no audio is refused by name."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import InvalidArgument
from services.gateway.agreement.bounds import Reach
from services.gateway.incoming.microphone import Microphone
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio, MissingAudio
from services.gateway.values.terms import Sound

SETTINGS = GatewaySettings()


def tone(seconds: float, rate: int) -> Pcm:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def encoded(codec: str, container: str, pcm: Pcm, rate: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def heard(microphone: Microphone, chunks: list[pb.AudioChunk]) -> Pcm:
    pieces = [audio for chunk in chunks for audio in microphone.hear(chunk)] + microphone.rest()
    assert all(isinstance(piece, Audio) for piece in pieces)
    position = 0
    for piece in pieces:
        assert isinstance(piece, Audio)
        assert piece.offset_samples == position
        position = piece.end_samples
    return np.concatenate([piece.pcm for piece in pieces if isinstance(piece, Audio)])


def assert_same_tone(pcm: Pcm, seconds: float) -> None:
    """440 Hz for so long: the strongest line of the spectrum, and the length to 30 ms."""
    assert abs(len(pcm) / ASR_RATE - seconds) < 0.03
    spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
    assert abs(np.argmax(spectrum) * ASR_RATE / len(pcm) - 440) < 3
    assert np.abs(pcm).max() > 6000


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_pcm_of_any_rate_keeps_its_pitch_and_length(rate: int) -> None:
    pcm = tone(1, rate)
    chunks = [pb.AudioChunk(data=part.tobytes()) for part in np.array_split(pcm, 17)]
    assert_same_tone(heard(Microphone(Sound("pcm16le", rate), SETTINGS), chunks), 1)


def test_mulaw_is_expanded() -> None:
    data = encoded("pcm_mulaw", "mulaw", tone(1, 8_000), 8_000)
    assert_same_tone(heard(Microphone(Sound("mulaw", 8_000), SETTINGS), [pb.AudioChunk(data=data)]), 1)


@pytest.mark.parametrize("size", [100, 4096, 10**6])
def test_flac_may_be_cut_anywhere(size: int) -> None:
    rng = np.random.default_rng(7)
    pcm = tone(2, 44_100) + rng.integers(-500, 500, 2 * 44_100).astype(np.int16)
    data = encoded("flac", "flac", pcm, 44_100)
    chunks = [pb.AudioChunk(data=data[at : at + size]) for at in range(0, len(data), size)]
    pcm_heard = heard(Microphone(Sound("flac", 44_100), SETTINGS), chunks)
    assert abs(len(pcm_heard) / ASR_RATE - 2) < 0.001


def test_flac_is_heard_no_later_than_a_frame() -> None:
    pcm = tone(2, 16_000)
    data = encoded("flac", "flac", pcm, 16_000)
    microphone = Microphone(Sound("flac", 16_000), SETTINGS)
    early = sum(len(audio.pcm) for audio in microphone.hear(pb.AudioChunk(data=data)) if isinstance(audio, Audio))
    assert early >= 2 * 16_000 - 4608  # the encoder's block size


def test_opus_comes_as_packets() -> None:
    with av.open(io.BytesIO(encoded("libopus", "ogg", tone(1, 48_000), 48_000)), "r") as file:
        chunks = [pb.AudioChunk(data=bytes(packet)) for packet in file.demux(audio=0) if packet.size]
    pcm = heard(Microphone(Sound("opus", 48_000), SETTINGS), chunks)
    assert abs(len(pcm) / ASR_RATE - 1) < 0.05
    assert np.abs(pcm).max() > 6000


def test_a_chunk_that_was_sent_before_is_dropped() -> None:
    microphone = Microphone(Sound("pcm16le", 16_000), SETTINGS)
    first = pb.AudioChunk(data=b"\1\0" * 100, offset_samples=0)
    half_new = pb.AudioChunk(data=b"\2\0" * 100, offset_samples=50)
    assert [len(audio.pcm) for audio in microphone.hear(first) if isinstance(audio, Audio)] == [100]
    assert microphone.hear(first) == []
    (audio,) = microphone.hear(half_new)
    assert isinstance(audio, Audio)
    assert (audio.offset_samples, len(audio.pcm)) == (100, 50)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_resumed_session_starts_in_the_middle_of_the_clock(rate: int) -> None:
    microphone = Microphone(Sound("pcm16le", rate), SETTINGS, start_samples=8_007)
    pcm, tenth = tone(2, rate), rate // 10
    heard = [
        piece
        for at in range(rate // 5, 2 * rate, tenth)
        for piece in microphone.hear(pb.AudioChunk(data=pcm[at : at + tenth].tobytes(), offset_samples=at))
    ]
    heard += microphone.rest()
    assert all(isinstance(piece, Audio) for piece in heard)
    assert isinstance(heard[0], Audio)
    assert isinstance(heard[-1], Audio)
    assert heard[0].offset_samples == 8_007
    assert abs(heard[-1].end_samples - 2 * ASR_RATE) <= 16


def test_packets_of_opus_before_the_start_warm_the_decoder_up_and_are_not_heard() -> None:
    with av.open(io.BytesIO(encoded("libopus", "ogg", tone(1, 48_000), 48_000)), "r") as file:
        packets = [bytes(packet) for packet in file.demux(audio=0) if packet.size]
    microphone = Microphone(Sound("opus", 48_000), SETTINGS, start_samples=8_080)  # within a packet
    chunks = [pb.AudioChunk(data=packet, offset_samples=960 * place) for place, packet in enumerate(packets)]
    heard = [piece for chunk in chunks[20:] for piece in microphone.hear(chunk)]
    assert isinstance(heard[0], Audio)
    assert heard[0].offset_samples == 8_080
    assert not any(isinstance(piece, MissingAudio) for piece in heard)
    assert microphone.hear(chunks[30]) == []


def test_a_stream_of_flac_cannot_start_in_the_middle() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Microphone(Sound("flac", 16_000), SETTINGS, start_samples=1)
    assert refusal.value.code == "RESUME_WITH_FLAC"


def test_missing_audio_is_told_and_the_clock_goes_on() -> None:
    microphone = Microphone(Sound("pcm16le", 8_000), SETTINGS)
    microphone.hear(pb.AudioChunk(data=bytes(16_000)))
    *rest, gap, audio = microphone.hear(pb.AudioChunk(data=bytes(16_000), offset_samples=80_000))
    assert gap == MissingAudio(ASR_RATE, 10 * ASR_RATE)
    assert isinstance(audio, Audio)
    assert audio.offset_samples == 10 * ASR_RATE
    assert sum(len(piece.pcm) for piece in rest if isinstance(piece, Audio)) <= ASR_RATE


@pytest.mark.parametrize(
    ("sound", "chunk", "code", "field"),
    [
        (Sound("pcm16le", 16_000), pb.AudioChunk(data=b"odd"), "UNDECODABLE_AUDIO", "audio.data"),
        (Sound("pcm16le", 16_000), pb.AudioChunk(data=bytes(200_000)), "CHUNK_TOO_LONG", "audio.data"),
        (Sound("flac", 16_000), pb.AudioChunk(data=b"RIFF1234WAVE"), "UNDECODABLE_AUDIO", "audio.data"),
        (
            Sound("flac", 16_000),
            pb.AudioChunk(data=b"fLaC", offset_samples=1),
            "OFFSET_WITH_FLAC",
            "audio.offset_samples",
        ),
        (Sound("opus", 48_000), pb.AudioChunk(data=b"OggS" + bytes(60)), "UNDECODABLE_AUDIO", "audio.data"),
        (Sound("pcm16le", 16_000), pb.AudioChunk(format="flac"), "FORMAT_CHANGED", "audio.format"),
        (Sound("pcm16le", 16_000), pb.AudioChunk(sample_rate=8_000), "SAMPLE_RATE_CHANGED", "audio.sample_rate"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(sound: Sound, chunk: pb.AudioChunk, code: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        Microphone(sound, SETTINGS).hear(chunk)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.accepted


def test_flac_garbage_behind_a_good_header_is_refused_in_the_end() -> None:
    microphone = Microphone(Sound("flac", 16_000), SETTINGS)
    microphone.hear(pb.AudioChunk(data=b"fLaC" + bytes([0x80, 0, 0, 34]) + bytes(34)))
    assert microphone.hear(pb.AudioChunk(data=bytes(200_000))) == []
    with pytest.raises(InvalidArgument):
        microphone.hear(pb.AudioChunk(data=bytes(200_000)))


def test_a_small_chunk_that_unpacks_to_minutes_is_refused() -> None:
    data = encoded("flac", "flac", np.zeros(48_000 * 120, dtype=np.int16), 48_000)
    assert len(data) < 256 * 1024
    with pytest.raises(InvalidArgument):
        Microphone(Sound("flac", 48_000), SETTINGS).hear(pb.AudioChunk(data=data))


def test_an_offset_that_no_session_can_have_reached_is_refused_by_name() -> None:
    now = 0.0
    microphone = Microphone(Sound("pcm16le", 16_000), SETTINGS, reach=Reach(age_ms=1000, clock=lambda: now))
    second = tone(1, 16_000).tobytes()
    now = 600.0
    with pytest.raises(InvalidArgument) as refused:
        microphone.hear(pb.AudioChunk(data=second, offset_samples=(601 + 3601) * 16_000))
    assert refused.value.field == "audio.offset_samples"
    assert refused.value.accepted == [f"at most {(601 + 3600) * 16_000}"]


def test_silence_may_be_left_out_for_as_long_as_the_session_lasts_and_an_hour_in_all() -> None:
    microphone = Microphone(Sound("pcm16le", 16_000), SETTINGS, reach=Reach(clock=lambda: 0.0))
    second = tone(1, 16_000).tobytes()
    for start_seconds in (0, 1801, 3602):
        assert microphone.hear(pb.AudioChunk(data=second, offset_samples=start_seconds * 16_000))
    with pytest.raises(InvalidArgument):
        microphone.hear(pb.AudioChunk(data=second, offset_samples=3604 * 16_000))


def noise(samples: int) -> Pcm:
    return np.random.default_rng(1).integers(-9000, 9000, samples).astype(np.int16)


def sent(pcm: Pcm, start: int, end: int, told: bool) -> pb.AudioChunk:
    return pb.AudioChunk(data=pcm[start:end].tobytes(), offset_samples=start if told else None)


@pytest.mark.parametrize("told", [False, True], ids=["without offsets", "with offsets"])
@pytest.mark.parametrize("size", [80, 320, 1_600])
def test_chunks_that_follow_each_other_are_heard_as_they_came(size: int, told: bool) -> None:
    pcm = noise(16_000)
    chunks = [sent(pcm, start, start + size, told) for start in range(0, len(pcm), size)]
    np.testing.assert_array_equal(heard(Microphone(Sound("pcm16le", ASR_RATE), SETTINGS), chunks), pcm)


def test_what_is_sent_twice_between_chunks_that_follow_is_heard_once() -> None:
    pcm = noise(16_000)
    spans = [(0, 1_600), (1_600, 3_200), (1_600, 3_200), (800, 4_000), (4_000, 5_600), (5_600, 16_000)]
    chunks = [sent(pcm, start, end, told=True) for start, end in spans]
    np.testing.assert_array_equal(heard(Microphone(Sound("pcm16le", ASR_RATE), SETTINGS), chunks), pcm)


def test_a_hole_is_filled_alike_behind_chunks_of_any_length() -> None:
    """Short ones are put in their places one by one, longer ones that follow each other are not."""
    pcm, filled = noise(8_000), []
    for size in (80, 1_600):
        microphone = Microphone(Sound("pcm16le", ASR_RATE), SETTINGS)
        for start in range(0, 3_200, size):
            microphone.hear(sent(pcm, start, start + size, told=True))
        behind = [*microphone.hear(sent(pcm, 4_000, 5_600, told=True)), *microphone.settle()]
        assert behind[0] == MissingAudio(3_200, 4_000, filled=True)
        filled.append(np.concatenate([each.pcm for each in behind if isinstance(each, Audio)]))
        assert next(each.offset_samples for each in behind if isinstance(each, Audio)) == 3_200
    np.testing.assert_array_equal(filled[0], filled[1])
    np.testing.assert_array_equal(filled[0][-1_600:], pcm[4_000:5_600])
