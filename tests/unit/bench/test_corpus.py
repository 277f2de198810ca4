"""A corpus names recordings, and may be joined into one talk without a pause."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from bench.measuring.corpus import Recording, joined, read_corpus, repeated, without_silence
from bench.measuring.metrics import Sentence
from services.common.audio.pcm import ASR_RATE, Pcm


def tone(seconds: float) -> Pcm:
    return (8000 * np.sin(np.arange(round(seconds * ASR_RATE)) / 5)).astype(np.int16)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * ASR_RATE), dtype=np.int16)


def test_a_line_names_a_file_beside_the_corpus(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setparams((1, 2, ASR_RATE, 0, "NONE", ""))
        file.writeframes(tone(2).tobytes())
    line = {"audio": "talk.wav", "text": "Hello.", "es": "Hola.", "ca": "Hola."}
    (tmp_path / "corpus.jsonl").write_text(json.dumps(line) + "\n")
    (talk,) = read_corpus(tmp_path / "corpus.jsonl", None, ["es", "fr"])
    assert (talk.name, talk.text) == ("talk", "Hello.")
    assert talk.seconds == pytest.approx(2.0)
    assert talk.reference("es") == "Hola."
    assert talk.reference("fr") is None


def test_silence_is_taken_out_and_speech_is_not() -> None:
    heard = without_silence(np.concatenate([silence(1), tone(2), silence(3), tone(1)]))
    assert len(heard) / ASR_RATE == pytest.approx(3.0, abs=0.1)


def test_a_joined_talk_knows_where_each_sentence_is() -> None:
    parts = [
        Recording(name, name, {"es": (Sentence(name, 0.0, 3.0),)}, np.concatenate([tone(seconds), silence(1)]))
        for name, seconds in (("one", 1.0), ("two", 2.0))
    ]
    talk = joined(parts)
    assert talk.text == "one two"
    assert talk.seconds == pytest.approx(3.0, abs=0.1)
    assert [each.reference for each in talk.sentences["es"]] == ["one", "two"]
    assert [each.start for each in talk.sentences["es"]] == [0.0, pytest.approx(1.0, abs=0.1)]


def test_recordings_are_repeated_until_a_talk_is_long_enough() -> None:
    parts = [Recording(name, name, {"es": (Sentence(name, 0.0, 2.0),)}, tone(2)) for name in ("one", "two")]
    talk = repeated(parts, 7.0)
    assert talk.text == "one two one"
    assert talk.seconds == pytest.approx(9.0)
    assert [(each.reference, each.start) for each in talk.sentences["es"]] == [("one", 0.0), ("two", 3.0), ("one", 6.0)]
