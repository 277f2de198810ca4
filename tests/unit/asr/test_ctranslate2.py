"""The Whisper engine on CTranslate2: words, their places, and what is left out. Tiny models are made for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from services.asr.engine import Endpoint, Heard, Hypothesis, Language, Speech
from services.asr.engines.ctranslate2 import features, tokens
from services.asr.engines.ctranslate2.engine import Engine, Identifying
from services.asr.engines.ctranslate2.model import most_tokens
from services.asr.engines.ctranslate2.reading import Decoded, heard, likeliest, unlooped, words
from services.asr.engines.ctranslate2.session import Pace, Served
from services.asr.neural.word_times import Bounds
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import InvalidArgument
from services.common.neural.bundles import read
from tests.models.asr import whisper_tiny

SECOND = np.full(ASR_RATE, 100, np.int16)


def engine_of(folder: Path, **options: object) -> Engine:
    return Engine(AsrSettings.model_validate({"slots": 4, "ctranslate2": {"bundles": [folder], **options}}))


async def hypotheses(engine: Engine, *segments: Pcm) -> list[Hypothesis]:
    async def speech() -> AsyncIterator[Heard]:
        offset_samples = 0
        for pcm in segments:
            for start in range(0, len(pcm), 1600):
                yield Speech(pcm[start : start + 1600], offset_samples + start)
            yield Endpoint()
            offset_samples += len(pcm)

    return [hypothesis async for hypothesis in engine.recognize(speech(), "en-US")]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return whisper_tiny.write(tmp_path / "tiny")


async def test_a_model_is_loaded_when_a_session_asks_for_it_and_leaves_when_unused(tiny: Path) -> None:
    engine = engine_of(tiny, idle_minutes=0.001)
    await engine.start()
    (version, share), *_ = engine.versions
    assert not version.model.resident.loaded
    assert (await hypotheses(engine, SECOND))[-1].text == "hello there my good friend"
    assert version.model.resident.loaded
    await asyncio.sleep(0.1)
    assert not version.model.resident.loaded
    assert (await hypotheses(engine, SECOND))[-1].final
    assert (share, version.calls) == (1.0, 2)
    await engine.stop()


async def test_sessions_side_by_side_load_a_model_once_and_get_what_each_would_alone(tiny: Path) -> None:
    engine = engine_of(tiny)
    await engine.start()
    short = SECOND[: ASR_RATE // 4]
    together = await asyncio.gather(*(hypotheses(engine, each) for each in (SECOND, short, SECOND)))
    assert [found[-1] for found in together] == [
        (await hypotheses(engine, each))[-1] for each in (SECOND, short, SECOND)
    ]
    await engine.stop()


async def test_a_bundle_that_cannot_be_served_is_named_at_the_start(tiny: Path) -> None:
    manifest = json.loads((tiny / "bundle.json").read_text())
    (tiny / "bundle.json").write_text(json.dumps(manifest | {"languages": ["en-US", "es"]}))
    with pytest.raises(InvalidArgument, match=r"tokenizer\.json has no token <\|es\|>"):
        await engine_of(tiny).start()


async def test_a_gpu_that_is_not_there_is_refused(tiny: Path) -> None:
    with pytest.raises(InvalidArgument, match="ASR_CTRANSLATE2__DEVICE: CUDA was asked for"):
        await engine_of(tiny, device="cuda").start()


def test_frames_are_those_whisper_was_trained_on() -> None:
    # The reference is what faster-whisper's extractor makes of one second of a tone at half of full scale.
    tone = (16_384 * np.sin(2 * np.pi * 440 * np.arange(ASR_RATE) / ASR_RATE)).astype(np.int16)
    frames = features.log_mel(tone, 2 * ASR_RATE, 80)
    assert frames.shape == (80, 200)
    assert frames[:, 50].argmax() == 11
    assert frames[9:13, 50] == pytest.approx([1.15938, 1.34873, 1.43819, 1.29351], abs=1e-3)
    assert frames[:, -1] == pytest.approx(frames.max() - 2.0, abs=1e-5)  # silence, eight powers of ten below


def test_what_goes_round_in_circles_is_cut_to_one_round() -> None:
    once = [1, 2, 3, 4, 5, 6, 7]
    assert unlooped([9, *once * 5, 1, 2], 20.0) == [9, *once]
    assert unlooped([9, *[8] * 30], 20.0) == [9, 8]
    assert unlooped([5, 5, 5], 1.0) == [5, 5, 5]  # as one says a number
    assert unlooped(once, 1.0) == once
    assert unlooped([], 1.0) == []


def test_a_sentence_stands_twice_only_where_there_was_time_to_say_it_twice() -> None:
    once = [1, 2, 3, 4, 5, 6, 7]
    assert unlooped(once * 2, 1.5) == once
    assert unlooped(once * 2, 5.0) == once * 2


@pytest.mark.parametrize(
    ("score", "silence", "expected"),
    [(-0.3, 0.9, True), (-1.2, 0.2, True), (-1.2, 0.9, False), (-4.6, 0.1, False)],
)
def test_what_is_made_up_in_silence_is_left_out(score: float, silence: float, expected: bool) -> None:
    assert heard(score, silence) is expected


def test_an_interim_hypothesis_has_no_mark_at_its_end(tmp_path: Path) -> None:
    bundle = read(whisper_tiny.write(tmp_path / "tiny"))
    vocabulary = tokens.read(bundle)
    ids = tuple(whisper_tiny.VOCABULARY.index(token) for token in ("\u0120hello", "\u0120friend", "."))
    decoded = Decoded(ids, (0, 20, 35), (0.9, 0.8, 0.5))
    final = words(decoded, vocabulary, Bounds(16_000, 32_000), final=True)
    assert [(word.text, word.start_samples) for word in final] == [("hello", 16_000), ("friend.", 22_400)]
    assert [word.text for word in words(decoded, vocabulary, Bounds(16_000, 32_000), final=False)][-1] == "friend"
    assert final[0].end_samples <= final[1].start_samples <= final[1].end_samples <= 32_000


def test_hypotheses_come_as_far_apart_as_answers_take() -> None:
    pace = Pace(ASR_RATE // 2)
    chunk = SECOND[: ASR_RATE // 10]
    due = [pace.due(Speech(chunk, 0)) for _ in range(10)]
    assert [place for place, each in enumerate(due) if each] == [4, 9]
    for _ in range(8):
        pace.answered(0.6)
    assert pace.interval_samples == pytest.approx(1.2 * ASR_RATE, rel=0.02)


def test_a_window_never_has_more_tokens_than_anybody_says() -> None:
    assert most_tokens(ASR_RATE) < 30
    assert most_tokens(30 * ASR_RATE) <= 220


async def test_a_language_is_asked_for_as_the_bundle_calls_it_and_told_as_the_session_does() -> None:
    asked: list[Any] = []

    async def submit(item: Any) -> Language:
        asked.append(item.asked)
        return Language("en-US", 0.8)

    resident = SimpleNamespace(used=nullcontext)
    served = cast(Served, SimpleNamespace(resident=resident, looks=SimpleNamespace(submit=submit)))
    found = await Identifying(served, ("es", "en-US")).identify(Speech(SECOND, 0), ("es-MX", "en"))
    assert asked[0].languages == ("es", "en-US")
    assert found == Language("en", 0.8)


def test_the_likelihood_of_languages_that_are_not_allowed_is_left_out() -> None:
    likely = {"<|ca|>": 0.6, "<|es|>": 0.3, "<|en|>": 0.1}
    found = likeliest(likely, {"en-US": "<|en|>", "es": "<|es|>"})
    assert (found.tag, round(found.confidence, 3)) == ("es", 0.75)
    assert likeliest({}, {"en-US": "<|en|>", "es": "<|es|>"}).confidence == 0
