from __future__ import annotations

import wave
from pathlib import Path

import pytest

from babelmesh.client.audio import CHUNK_SAMPLES, Pace, audio_file, duration_ms, probe
from babelmesh.client.errors import AudioUnreadable


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + 0.003  # every sleep comes back late

    def pace(self, speed: float) -> Pace:
        return Pace(speed, now=lambda: self.now, sleep=self.sleep)


async def test_late_wakeups_do_not_add_up() -> None:
    clock = FakeClock()
    pace = clock.pace(1.0)
    for _ in range(100):
        await pace.hold(100)
    assert clock.now == pytest.approx(110.003)


async def test_a_chunk_goes_out_when_its_last_sample_would_have_been_spoken() -> None:
    clock = FakeClock()
    await clock.pace(1.0).hold(100)
    assert clock.slept == [pytest.approx(0.1)]


async def test_after_a_hold_up_audio_catches_up_at_once() -> None:
    clock = FakeClock()
    pace = clock.pace(1.0)
    clock.now += 0.35
    for _ in range(4):
        await pace.hold(100)
    assert clock.slept == [pytest.approx(0.05)]


async def test_speed_is_a_multiple_of_real_time_and_zero_is_unlimited() -> None:
    clock = FakeClock()
    await clock.pace(4.0).hold(100)
    await clock.pace(0).hold(100)
    assert clock.slept == [pytest.approx(0.025)]


def _wav(path: Path, samples: int, channels: int = 1, hertz: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(hertz)
        file.writeframes(b"\x10\x00" * samples * channels)
    return path


async def test_a_file_comes_as_chunks_of_100_ms(tmp_path: Path) -> None:
    path = _wav(tmp_path / "talk.wav", samples=44_100, channels=2, hertz=44_100)
    chunks = [chunk async for chunk in audio_file(path, speed=0)]
    assert {len(chunk) for chunk in chunks[:-1]} == {2 * CHUNK_SAMPLES}
    assert sum(map(duration_ms, chunks)) == pytest.approx(1000, abs=2)
    assert probe(path).duration_ms == pytest.approx(1000)


def test_what_is_no_audio_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "notes.txt").write_text("not a recording " * 100)
    _wav(tmp_path / "silent.wav", samples=0)
    for name, says in (
        ("missing.wav", "No such file"),
        ("empty.wav", "is empty"),
        ("notes.txt", "no audio|cannot be read"),
        ("silent.wav", "holds no audio|cannot be read"),
        ("", "directory"),
    ):
        with pytest.raises(AudioUnreadable, match=says):
            probe(tmp_path / name)
