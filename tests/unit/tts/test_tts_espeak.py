"""What espeak-ng is given, and what is made of what it writes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.engines.embedded.wav import NotSpeech, WavReader
from services.tts.espeak import spoken
from services.tts.silence import QUIET, Trimmer

RATE = 22_050
KEPT = RATE * 50 // 1000


def wav(samples: bytes, bits: int = 16, extra: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, bits)
    return (
        b"RIFF\x24\xf0\xff\x7fWAVEfmt " + struct.pack("<I", 16) + form + extra + b"data" + b"\x00\xf0\xff\x7f" + samples
    )


@given(st.text())
def test_nothing_spoken_is_a_command(text: str) -> None:
    line = spoken(text)
    assert "[[" not in line
    assert not any(ord(char) < 32 for char in line)


def test_words_stay_as_they_are() -> None:
    assert spoken(" \u00bfQu\u00e9\ttal?\nBien [1] <b> ") == "\u00bfQu\u00e9 tal? Bien [1] <b>"


@pytest.mark.parametrize("size", [1, 2, 7, 43, 44, 45, 1000])
@pytest.mark.parametrize("extra", [b"", b"LIST\x03\x00\x00\x00abc\x00"])
def test_a_wav_is_read_in_pieces_of_any_size(size: int, extra: bytes) -> None:
    samples = np.arange(300, dtype="<i2")
    stream, reader = wav(samples.tobytes(), extra=extra), WavReader()
    pcm = [reader.pcm(stream[start : start + size]) for start in range(0, len(stream), size)]
    assert np.array_equal(np.concatenate(pcm), samples)
    assert reader.rate_hertz == RATE


@pytest.mark.parametrize("stream", [b"Error: no such voice", wav(b"\0\0", bits=8)])
def test_what_is_no_speech_is_refused(stream: bytes) -> None:
    with pytest.raises(NotSpeech):
        WavReader().pcm(stream.ljust(60, b"\0"))


def trimmed(samples: list[int], size: int, longest_pause_ms: int = 0) -> list[int]:
    trimmer = Trimmer(RATE, longest_pause_ms)
    pcm = np.array(samples, dtype=np.int16)
    parts = [trimmer.passed(pcm[start : start + size]) for start in range(0, len(pcm), size)]
    return [int(sample) for sample in np.concatenate([*parts, trimmer.rest()])]


@pytest.mark.parametrize("size", [100, 997, 20_000])
def test_only_the_silence_around_the_speech_is_cut(size: int) -> None:
    silence = [0, QUIET] * 2000
    inner = [500, *silence, -500]
    assert trimmed([*silence, *inner, *silence], size) == [*silence[-KEPT:], *inner, *silence[:KEPT]]


def test_short_silence_is_left_alone_and_nothing_but_silence_is_nothing() -> None:
    assert trimmed([0, 0, 700, 0], 3) == [0, 0, 700, 0]
    assert trimmed([0] * 5000, 1000) == []


@pytest.mark.parametrize("size", [1, 700, 100_000])
def test_a_long_pause_is_cut_to_what_it_may_last_and_a_short_one_is_not(size: int) -> None:
    short, long = [0] * (RATE // 10), [0] * RATE
    allowed = [0] * (RATE * 120 // 1000)
    assert trimmed([500, *short, 500, *long, 500], size, 120) == [500, *short, 500, *allowed, 500]


@given(st.lists(st.sampled_from([0, 0, 0, 9, 900, -900]), max_size=300), st.integers(1, 50))
def test_no_sound_is_ever_lost(samples: list[int], size: int) -> None:
    loud = [sample for sample in samples if abs(sample) > QUIET]
    assert [sample for sample in trimmed(samples, size, 1) if abs(sample) > QUIET] == loud
