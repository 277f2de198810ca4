"""A recording with its translations in one file, as a player finds it."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from babelmesh.cli.mixing import DUCKED, HOLD_MS, RAMP_MS, STEP_MS, Blocks, Form, Sound, ducking
from babelmesh.cli.muxing import layout, muxed
from babelmesh.cli.subtitles import Cue
from babelmesh.cli.synthetic import NOTE
from babelmesh.cli.tracks import LanguageTrack
from babelmesh.client.errors import MuxFailed

RATE = 16_000
LOUDNESS = 0.3


def tone(seconds: float, hertz: float, rate: int = RATE) -> Sound:
    return (LOUDNESS * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def speech(path: Path, sound: Sound, rate: int = 24_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32_767).astype("<i2").tobytes())
    return path


def video(path: Path, seconds: int) -> Path:
    with av.open(str(path), "w") as file:
        pictures = file.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = file.add_stream("aac", rate=RATE, layout="mono")
        for number in range(10 * seconds):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 256, np.uint8), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            file.mux(pictures.encode(picture))
        file.mux(pictures.encode(None))
        heard = tone(seconds, 440)
        for start in range(0, len(heard), 1024):
            frame = av.AudioFrame.from_ndarray(heard[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return path


@pytest.fixture
def tracks(tmp_path: Path) -> list[LanguageTrack]:
    """English that was spoken, and Spanish spoken from 2 to 4 s and once more for a moment."""
    said = np.concatenate([np.zeros(48_000), tone(2, 3000, 24_000), np.zeros(24_000)]).astype(np.float32)
    return [
        LanguageTrack("en", None, [Cue(1000, 2000, ("One & two",))]),
        LanguageTrack("es-ES", speech(tmp_path / "es.wav", said), [Cue(1000, 2500, ("¿Uno {y}", "<dos>?"))]),
    ]


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(video=0) if packet.size]


def level(path: Path, hertz: float, start: float, seconds: float = 0.4) -> float:
    """How loud a tone is in the first audio track at a place, 1 being as loud as it was made."""
    sound = np.concatenate([block[0] for block in Blocks(path, Form(RATE, "mono"))])
    there = sound[round(start * RATE) : round((start + seconds) * RATE)]
    wave_ = np.exp(-2j * np.pi * hertz * np.arange(len(there)) / RATE)
    return float(2 * np.abs(np.mean(there * wave_)) / LOUDNESS)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_gets_a_track_for_the_voice_and_subtitles_and_keeps_the_rest(
    suffix: str, tmp_path: Path, tracks: list[LanguageTrack]
) -> None:
    recording = video(tmp_path / f"talk{suffix}", 6)
    written = muxed(recording, tmp_path / "", tracks)
    assert written.name == f"talk.es-ES{suffix}"
    assert pictures(written) == pictures(recording)
    with av.open(str(written)) as file:
        assert [stream.metadata["language"] for stream in file.streams.audio] == ["spa", "eng"]
        assert [stream.metadata["language"] for stream in file.streams.subtitles] == ["spa", "eng"]
        assert file.duration == pytest.approx(6e6, abs=1e5)
        shown = [packet for packet in file.demux(file.streams.subtitles[0]) if packet.size > 2]
    assert [(packet.pts, packet.duration) for packet in shown] == [(1000, 1500)]
    assert "¿Uno (y)\n<dos>?".encode() in bytes(shown[0])


def test_the_original_is_lower_while_the_voice_speaks(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    written = muxed(video(tmp_path / "talk.mp4", 6), tmp_path, tracks)
    assert level(written, 440, 1.0) == pytest.approx(1, abs=0.1)
    assert level(written, 440, 2.5) == pytest.approx(DUCKED, abs=0.05)
    assert level(written, 3000, 2.5) == pytest.approx(1, abs=0.1)
    assert level(written, 440, 5.0) == pytest.approx(1, abs=0.1)


def test_several_languages_are_several_tracks(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    catalan = LanguageTrack("ca", tracks[1].voice, tracks[1].cues)
    written = muxed(video(tmp_path / "talk.mp4", 6), tmp_path, [*tracks, catalan])
    assert written.name == "talk.translated.mp4"
    with av.open(str(written)) as file:
        assert [stream.metadata["language"] for stream in file.streams.audio] == ["spa", "cat", "eng"]


def test_a_recording_without_video_becomes_audio_with_the_same_tracks(
    tmp_path: Path, tracks: list[LanguageTrack]
) -> None:
    recording = speech(tmp_path / "talk.wav", tone(6, 440, 24_000))
    assert not layout(recording).video
    written = muxed(recording, tmp_path, tracks)
    assert written.name == "talk.es-ES.mka"
    with av.open(str(written)) as file:
        assert [stream.codec_context.name for stream in file.streams.audio] == ["aac", "pcm_s16le"]
        assert len(file.streams.subtitles) == 2
        assert not file.streams.video


def test_a_voice_that_outlasts_the_recording_is_heard_to_its_end(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    written = muxed(video(tmp_path / "talk.mp4", 3), tmp_path, tracks)
    assert level(written, 3000, 3.3) == pytest.approx(1, abs=0.1)


def test_a_language_without_a_voice_still_has_subtitles(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    silent = LanguageTrack("es", None, tracks[1].cues)
    with av.open(str(muxed(video(tmp_path / "talk.mp4", 3), tmp_path, [tracks[0], silent]))) as file:
        assert (len(file.streams.audio), len(file.streams.subtitles)) == (1, 2)


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    recording = video(tmp_path / "talk.mp4", 1)
    gone = LanguageTrack("es", tmp_path / "gone.wav")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MuxFailed, match=r"talk\.es\.mp4 cannot be written from .*talk\.mp4: .*No such file") as failed:
        muxed(recording, tmp_path, [tracks[0], gone])
    assert "\n" not in str(failed.value)
    assert sorted(tmp_path.iterdir()) == before


def test_the_gain_is_down_when_the_voice_starts_and_stays_down_in_short_pauses() -> None:
    pause = HOLD_MS // STEP_MS
    speaking = np.zeros(600, dtype=np.bool_)
    speaking[100:150] = speaking[150 + pause : 300] = True
    gains, ramp = ducking(speaking), RAMP_MS // STEP_MS
    assert gains[100 - ramp] == pytest.approx(1)
    assert gains[100:300] == pytest.approx(DUCKED)
    assert gains[300 + ramp] == pytest.approx(1)
    assert np.all(np.abs(np.diff(gains)) <= (1 - DUCKED) / ramp + 1e-6)


def test_a_voice_that_speaks_at_once_lowers_the_original_from_the_first_sample_on() -> None:
    assert ducking(np.ones(20, dtype=np.bool_))[:20] == pytest.approx(DUCKED)


def test_a_file_with_a_voice_says_that_it_is_synthetic(tmp_path: Path, tracks: list[LanguageTrack]) -> None:
    def comment(tracks: list[LanguageTrack], folder: Path) -> str | None:
        folder.mkdir()
        with av.open(str(muxed(video(tmp_path / "talk.mp4", 5), folder, tracks))) as file:
            return file.metadata.get("comment")

    silent = [LanguageTrack(each.lang, None, each.cues) for each in tracks]
    assert comment(tracks, tmp_path / "spoken") == NOTE
    assert comment(silent, tmp_path / "silent") is None
