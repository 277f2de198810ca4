"""A novel read clearly, through the small recognizer."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

pytest.importorskip("pocketsphinx")

from services.asr.engines.embedded.sphinx import Options, Recognition
from services.asr.engines.embedded.vocabulary import obscene

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

NOVEL = Path(__file__).parents[3] / "shared" / "data" / "speech" / "two_cities.wav"
HALF_SECOND_BYTES = 16_000


@pytest.mark.skipif(not NOVEL.is_file(), reason="the recorded novel is not here")
def test_a_clear_reading_of_a_novel_is_not_heard_as_obscene() -> None:
    with wave.open(str(NOVEL)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        pcm = file.readframes(file.getnframes())
    recognition = Recognition(Options(second_pass=False))
    recognition.begin()
    heard: set[str] = set()
    for start in range(0, len(pcm), HALF_SECOND_BYTES):
        recognition.hear(pcm[start : start + HALF_SECOND_BYTES])
        heard.update(word.casefold() for word, *_ in recognition.words())
    heard.update(word.casefold() for word, *_ in recognition.end())
    assert len(heard) > 20
    assert heard.isdisjoint(obscene())
