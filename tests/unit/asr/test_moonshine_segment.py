"""Windows of a segment as they grow and are cut, on a model that recognizes a word for each second of speech."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from services.asr.engine import Speech, Word
from services.asr.engines.moonshine.decoding import Draft
from services.asr.engines.moonshine.forms import kept
from services.asr.engines.moonshine.model import Model, Window
from services.asr.engines.moonshine.pauses import CutRules
from services.asr.engines.moonshine.segment import Segments, Served
from services.asr.engines.moonshine.tokenizer import Tokenizer
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural.batching import Batcher, Limits

START = 50_000
FIRST = 3  # of the tokens that are words
TOKENS = Tokenizer(
    (b"<unk>", b"<s>", b"</s>", *(f"\u2581w{number}".encode() for number in range(40)), "\u2581♪".encode())
)


class Fake(Model):
    """Recognizes in each second that is not silent the word of the second's loudness."""

    def __init__(self) -> None:
        super().__init__(None, TOKENS)  # type: ignore[arg-type]  # it has no network
        self.windows: list[Window] = []
        self.log = -0.1

    def recognize(self, windows: Sequence[Window]) -> list[Draft]:
        self.windows += windows
        return [self._found(window.pcm) for window in windows]

    def _found(self, pcm: Pcm) -> Draft:
        seconds = [pcm[start : start + ASR_RATE] for start in range(0, len(pcm) - ASR_RATE + 1, ASR_RATE)]
        tokens = tuple(FIRST + int(second.max()) // 100 - 10 for second in seconds if second.max() > 500)
        return Draft(tokens, (self.log,) * len(tokens))


@pytest.fixture
def model() -> Fake:
    return Fake()


@pytest.fixture
async def served(model: Fake) -> AsyncIterator[Served]:
    batcher: Batcher[Window, Draft] = Batcher("asr.window", model.recognize, Limits())
    cuts = CutRules(least_samples=2 * ASR_RATE, pause_samples=ASR_RATE // 2, after_samples=ASR_RATE // 2)
    async with batcher:
        yield Served(model, batcher, ASR_RATE, ASR_RATE, 10 * ASR_RATE, 0, cuts)


@pytest.fixture
def segments(served: Served) -> Segments:
    return Segments(served)


def speech(*words: int) -> Pcm:
    """A second for each word, by its number; silence for -1."""
    levels = [0 if word < 0 else 1_000 + 100 * word for word in words]
    return np.repeat(np.array(levels, np.int16), ASR_RATE)


async def hear(segments: Segments, pcm: Pcm) -> list[str]:
    found = []
    for start in range(0, len(pcm), ASR_RATE // 10):
        hypothesis = await segments.hear(Speech(pcm[start : start + ASR_RATE // 10], START + start))
        if hypothesis:
            found.append(hypothesis.text)
    return found


async def test_the_open_window_is_recognized_again_as_it_grows(segments: Segments) -> None:
    assert await hear(segments, speech(0, 1, 2)) == ["w0", "w0 w1", "w0 w1 w2"]


async def test_a_segment_is_recognized_sooner_until_it_has_words(served: Served, model: Fake) -> None:
    await hear(Segments(replace(served, first_samples=ASR_RATE // 2)), speech(-1, 1, 2, 3))
    assert [len(window.pcm) / ASR_RATE for window in model.windows] == [0.5, 1.0, 1.5, 2.0, 3.0, 4.0]


async def test_a_window_is_given_what_was_recognized_in_it_before(segments: Segments, model: Fake) -> None:
    await hear(segments, speech(0, 1, 2))
    assert [len(window.draft.tokens) for window in model.windows] == [0, 1, 2]


async def test_a_long_window_is_cut_at_a_pause_and_no_word_is_lost(segments: Segments, model: Fake) -> None:
    found = await hear(segments, speech(0, 1, 2, -1, 4, 5, 6))
    assert found[-1] == "w0 w1 w2 w4 w5 w6"
    assert len(model.windows[-1].pcm) < 4 * ASR_RATE


async def test_the_final_is_of_the_whole_segment_and_the_next_begins_anew(segments: Segments, model: Fake) -> None:
    await hear(segments, speech(0, 1, 2, -1, 4, 5, 6))
    final = await segments.end()
    assert (final.final, final.text) == (True, "w0 w1 w2 w4 w5 w6")
    assert (len(model.windows[-1].pcm), model.windows[-1].final) == (7 * ASR_RATE, True)
    assert (final.words[0].start_samples, final.words[-1].end_samples) == (START, START + 7 * ASR_RATE)
    assert await hear(segments, speech(7)) == ["w7"]


async def test_what_is_longer_than_a_window_may_be_is_cut_even_without_a_pause(segments: Segments, model: Fake) -> None:
    await hear(segments, speech(*range(14)))
    final = await segments.end()
    assert max(len(window.pcm) for window in model.windows) <= 11 * ASR_RATE
    assert len(final.words) >= 12


async def test_a_segment_without_audio_has_an_empty_final(segments: Segments) -> None:
    assert (await segments.end()).words == ()


async def test_a_single_word_that_the_model_doubts_is_none(segments: Segments, model: Fake) -> None:
    model.log = -1.0
    assert await hear(segments, speech(0)) == []
    assert await hear(segments, speech(1)) == ["w0 w1"]


def words(text: str) -> list[Word]:
    return [Word(each, number, number) for number, each in enumerate(text.split())]


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        ("You have also.", "you have, also installed", "You have also installed"),
        ("it works here", "It Works. there", "it works there"),
        ("", "So it is.", "So it is."),
        ("one two three", "One", "one"),
    ],
)
def test_words_keep_their_form_while_they_are_the_same(before: str, now: str, shown: str) -> None:
    assert " ".join(word.text for word in kept(words(before), words(now))) == shown
