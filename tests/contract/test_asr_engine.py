"""What every recognizer must do, run on every engine that is installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, Speech
from services.asr.settings import AsrSettings
from services.common.audio.pcm import Pcm
from services.common.engines.selection import engine_class
from tests.contract import fake_riva
from tests.contract.recordings import recording
from tests.mesh.asr import loud
from tests.models.asr import utterances as phrasebook
from tests.models.asr import whisper_tiny
from tests.models.installed import installed
from tests.unit.asr import levels

pytestmark = pytest.mark.asyncio(loop_scope="module")  # an engine is started once for all tests

CHUNK_SAMPLES = 1600
CLOCK = 500_000  # where the sessions' speech starts


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine, and two utterances it can hear."""

    engine: Engine
    one: Pcm
    other: Pcm


ONNX = {  # each a layout of the model, and how it is searched
    "onnx": ("nemo-transducer", "greedy"),
    "onnx-beam": ("nemo-transducer", "beam"),
    "onnx-ctc": ("nemo-ctc", "greedy"),
}
TRAINED: dict[str, dict[str, Any]] = {  # on the phrasebook
    "onnx-trained": {"bundles": [phrasebook.TRANSDUCER], "device": "cpu"},
    "sherpa-ctc": {"bundles": [phrasebook.CTC]},
    "sherpa-transducer": {"bundles": [phrasebook.TRANSDUCER]},
}


MOONSHINE = installed("moonshine-tiny-en")
WEIGHTS = pytest.param("moonshine", marks=[pytest.mark.weights, pytest.mark.timeout(300)])


@pytest_asyncio.fixture(
    loop_scope="module",
    scope="module",
    params=["embedded", "scripted", "riva", WEIGHTS, "ctranslate2", *ONNX, *TRAINED],
)
async def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Subject]:
    tmp_path = tmp_path_factory.mktemp("models")
    utterances = [np.frombuffer(loud(length), np.int16) for length in (1300, 1600)]
    options: dict[str, Any] = {}
    if request.param == "embedded":
        if find_spec("pocketsphinx") is None:
            pytest.skip("pocketsphinx is not installed")
        utterances = [recording("please-try-again"), recording("one-moment-please")]
        options = {"embedded": {"warm": 1}}
    if request.param == "moonshine":
        utterances = [recording("please-try-again"), recording("one-moment-please")]
        if MOONSHINE is None:
            pytest.skip("the bundle moonshine-tiny-en is not installed")
        options = {"moonshine": {"bundles": [MOONSHINE], "device": "cpu", "hypothesis_ms": 100}}
    if request.param in ONNX:
        layout, decoding = ONNX[request.param]
        utterances = [levels.said("▁one", "", "▁two", "ty"), levels.said("▁new", "", "▁york", "▁one", "", "▁two")]
        folder = levels.bundle(tmp_path / "levels", layout)
        options = {"onnx": {"bundles": [folder], "decoding": decoding, "device": "cpu"}}
    if request.param == "ctranslate2":
        options = {"ctranslate2": {"bundles": [whisper_tiny.write(tmp_path / "tiny")], "hypothesis_ms": 100}}
    name = request.param.partition("-")[0]
    if request.param in TRAINED:
        utterances = [phrasebook.utterance(text) for text in list(phrasebook.SPOKEN)[:2]]
        options = {name: TRAINED[request.param]}
    async with fake_riva.endpoint(name) as riva:
        engine: Engine = engine_class("asr", name)(AsrSettings(slots=2, **options, riva=riva))
        await engine.start()
        yield Subject(engine, *utterances)
        await engine.stop()


async def heard(*utterances: Pcm) -> AsyncIterator[Heard]:
    offset_samples = CLOCK
    for utterance in utterances:
        for start in range(0, len(utterance), CHUNK_SAMPLES):
            yield Speech(utterance[start : start + CHUNK_SAMPLES], offset_samples + start)
        yield Endpoint()
        offset_samples += len(utterance)


async def hypotheses(engine: Engine, *utterances: Pcm) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in engine.recognize(heard(*utterances), engine.languages[0])]


async def finals(engine: Engine, *utterances: Pcm) -> list[Hypothesis]:
    return [each for each in await hypotheses(engine, *utterances) if each.final]


async def test_every_endpoint_yields_one_final_with_words(subject: Subject) -> None:
    found = await finals(subject.engine, subject.one, subject.other)
    assert len(found) == 2
    assert all(hypothesis.words for hypothesis in found)


async def test_a_final_tells_its_tokens_where_the_engine_has_some(subject: Subject) -> None:
    found = await finals(subject.engine, subject.one, subject.other)
    if subject.engine.name in ("embedded", "riva"):
        assert [hypothesis.tokens for hypothesis in found] == [None, None]
    else:
        assert all(hypothesis.tokens and hypothesis.tokens >= len(hypothesis.words) for hypothesis in found)


async def test_words_are_in_order_and_lie_within_their_segment(subject: Subject) -> None:
    found = await hypotheses(subject.engine, subject.one, subject.other)
    middle = CLOCK + len(subject.one)
    bounds = (CLOCK, middle)
    for hypothesis in found:
        places = [place for word in hypothesis.words for place in (word.start_samples, word.end_samples)]
        assert places == sorted(places)
        assert not places or (bounds[0] <= places[0] and places[-1] <= bounds[1])
        assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
        for word in hypothesis.words:
            spoken = word.text.replace("'", "")
            assert any(map(str.isalnum, spoken)) if subject.engine.written else spoken.isalpha()
        if hypothesis.final:
            bounds = (middle, middle + len(subject.other))


@pytest.mark.clock  # how many there are is decided by how fast the machine is
async def test_interim_hypotheses_come_while_the_speech_goes_on(subject: Subject) -> None:
    found = await hypotheses(subject.engine, subject.other)
    assert [hypothesis.final for hypothesis in found].index(True) == len(found) - 1
    assert len(found) > 3


async def test_an_item_is_taken_only_when_the_one_before_is_answered(subject: Subject) -> None:
    log: list[str] = []

    async def logged() -> AsyncIterator[Heard]:
        async for item in heard(subject.one, subject.other):
            log.append(type(item).__name__)
            yield item

    async for hypothesis in subject.engine.recognize(logged(), subject.engine.languages[0]):
        if hypothesis.final:
            log.append("final")
    assert [log[place + 1] for place, entry in enumerate(log) if entry == "Endpoint"] == ["final", "final"]


async def test_a_session_hears_the_same_whoever_came_before(subject: Subject) -> None:
    first = await finals(subject.engine, subject.one, subject.other)
    await finals(subject.engine, subject.other)
    assert await finals(subject.engine, subject.one, subject.other) == first


async def test_a_session_hears_the_same_beside_another(subject: Subject) -> None:
    alone = [await finals(subject.engine, utterance) for utterance in (subject.one, subject.other)]
    together = await asyncio.gather(finals(subject.engine, subject.one), finals(subject.engine, subject.other))
    assert list(together) == alone


async def test_a_session_may_end_before_it_hears_anything(subject: Subject) -> None:
    assert not await hypotheses(subject.engine)


async def test_a_session_closed_in_the_midst_of_speech_leaves_the_engine_as_it_was(subject: Subject) -> None:
    whole = await finals(subject.engine, subject.one)
    async with aclosing(subject.engine.recognize(heard(subject.other), subject.engine.languages[0])) as guesses:
        assert not (await anext(guesses)).final
    assert await finals(subject.engine, subject.one) == whole


async def test_every_engine_of_the_stage_is_under_this_contract() -> None:
    engines = Path(__file__).parents[2] / "services" / "asr" / "engines"
    with_engine = {
        path.relative_to(engines).parts[0].removesuffix(".py")
        for path in engines.rglob("*.py")
        if "class Engine:" in path.read_text()
    }
    assert with_engine == {"ctranslate2", "embedded", "moonshine", "onnx", "riva", "scripted", "sherpa"}
