from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from babelmesh.cli.synthetic import NOTE
from babelmesh.cli.timeline import Timeline
from babelmesh.client.errors import BabelmeshError
from realtime.v1 import realtime_translate_pb2 as pb

RATE = 8000


def _speech(ms: int, level: int = 1, last: bool = True) -> pb.TtsChunk:
    pcm = np.full(RATE * ms // 1000, level, dtype="<i2").tobytes()
    return pb.TtsChunk(data=pcm, format="pcm16le", sample_rate=RATE, last=last)


def _samples(path: Path) -> npt.NDArray[np.int16]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def test_a_clause_lies_where_it_could_be_heard(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "es.wav", _speech(100))
    timeline.add(_speech(100, 1), not_before_ms=500)
    timeline.add(_speech(200, 2), not_before_ms=1000)
    timeline.close()
    samples = _samples(tmp_path / "es.wav")
    assert len(samples) == RATE * 1200 // 1000
    assert not samples[: RATE // 2].any()
    assert set(samples[RATE // 2 : RATE * 6 // 10].tolist()) == {1}
    assert set(samples[RATE:].tolist()) == {2}


def test_a_clause_that_comes_early_follows_without_overlap(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "es.wav", _speech(100))
    timeline.add(_speech(300, 1), not_before_ms=0)
    timeline.add(_speech(100, 2), not_before_ms=100)
    assert timeline.length_ms == 400
    timeline.close()
    assert _samples(tmp_path / "es.wav").tolist() == [1] * 2400 + [2] * 800


def test_a_clause_is_not_torn_by_the_time_its_chunks_came(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "es.wav", _speech(100))
    timeline.add(_speech(100, 1, last=False), not_before_ms=0)
    timeline.add(_speech(100, 1), not_before_ms=5000)
    timeline.close()
    assert _samples(tmp_path / "es.wav").all()


def test_speech_in_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BabelmeshError, match="opus"):
        Timeline(tmp_path / "es.wav", pb.TtsChunk(data=b"x", format="opus", sample_rate=48_000))


def test_a_clause_after_an_interrupted_one_lies_where_it_could_be_heard(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "es.wav", _speech(100))
    cut_off, after = _speech(100, 1, last=False), _speech(100, 2)
    cut_off.text, after.text = "uno", "dos"
    timeline.add(cut_off, not_before_ms=0)
    timeline.add(after, not_before_ms=1000)
    assert timeline.length_ms == 1100
    timeline.close()


@pytest.mark.parametrize("ms", [1, 101])
def test_a_file_says_that_its_speech_is_synthetic(tmp_path: Path, ms: int) -> None:
    timeline = Timeline(tmp_path / "es.wav", _speech(ms))
    timeline.add(_speech(ms), not_before_ms=0)
    timeline.close()
    octets = (tmp_path / "es.wav").read_bytes()
    assert int.from_bytes(octets[4:8], "little") == len(octets) - 8
    assert len(_samples(tmp_path / "es.wav")) == RATE * ms // 1000
    with av.open(str(tmp_path / "es.wav")) as file:
        assert file.metadata["comment"] == NOTE
