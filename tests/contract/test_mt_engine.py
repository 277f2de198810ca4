"""What every translator must do, run on every engine that is installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.common.engines.selection import engine_class
from services.mt.engine import Engine, Pair, Source, Translation
from services.mt.settings import MtSettings
from tests.contract import fake_riva
from tests.models.mt import copying

pytestmark = pytest.mark.asyncio(loop_scope="module")  # an engine is started once for all tests

PAIR = Pair("en", "es")
BUNDLE = Path(__file__).parent.parent / "models" / "mt" / "phrasebook-en-es"


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=["embedded", "scripted", "onnx", "ctranslate2", "riva"]
)
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    if request.param == "embedded" and not shutil.which("lt-proc"):
        pytest.skip("Apertium is not installed")
    async with fake_riva.endpoint(request.param) as riva:
        options = {"embedded": {"warm_from": ""}, "onnx": {"bundles": [BUNDLE]}, "riva": riva}
        if request.param == "ctranslate2":
            options["ctranslate2"] = {"bundles": [copying.marian(tmp_path_factory.mktemp("models") / "copying")]}
        settings = MtSettings.model_validate(options)
        subject: Engine = engine_class("mt", request.param)(settings)
        await subject.start()
        yield subject
        await subject.stop()


async def translation(engine: Engine, text: str, final: bool = True) -> Translation:
    return await engine.translate(Source(text, PAIR, final))


async def test_it_has_a_name_a_version_and_pairs(engine: Engine) -> None:
    assert engine.name
    assert engine.version
    assert PAIR in engine.pairs
    assert len(set(engine.pairs)) == len(engine.pairs)


async def test_the_same_text_has_the_same_translation(engine: Engine) -> None:
    first = await translation(engine, "The dog is here.")
    assert first.text
    assert await translation(engine, "The dog is here.") == first
    assert (await translation(engine, "The dog is here.", final=False)) == first


async def test_it_tells_the_tokens_of_a_text_and_its_translation_where_it_has_some(engine: Engine) -> None:
    short, long = [await translation(engine, text) for text in ("The dog.", "The dog is here. The dog is here.")]
    if engine.name in ("embedded", "riva"):
        assert short.tokens is long.tokens is None
    else:
        assert short.tokens is not None
        assert long.tokens is not None
        assert 1 < short.tokens.source < long.tokens.source
        assert 1 < short.tokens.target < long.tokens.target


async def test_a_prefix_is_only_claimed_when_it_is_continued(engine: Engine) -> None:
    source = Source("The dog is here.", PAIR, final=False, target_prefix="Un gato")
    answer = await engine.translate(source)
    assert not answer.continues_prefix or answer.text.startswith("Un gato")


@pytest.mark.parametrize(
    "text",
    [
        "\u65e5\u672c\u8a9e \U0001f600",
        "^$[]{}<>/@\\ ~ # * +",
        "a\x01b\x7fc",
        "line\none\r\n\r\nline two",
        "word " * 900,
        "x" * 5_000,
        "\ufdd0\ufdd1\ufffe",
        "...",
        "caf\u0301e",
    ],
)
async def test_odd_texts_are_answered_and_leave_it_in_step(engine: Engine, text: str) -> None:
    before = await translation(engine, "hello")
    await translation(engine, text)
    assert await translation(engine, "hello") == before


async def test_calls_at_once_get_each_its_own_answer(engine: Engine) -> None:
    answers = await asyncio.gather(*(translation(engine, f"number {n}", final=n % 2 == 0) for n in range(16)))
    assert all(str(n) in answer.text for n, answer in enumerate(answers))


async def test_a_cancelled_call_disturbs_no_other(engine: Engine) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            call = tasks.create_task(translation(engine, "The dog is here."))
            await asyncio.sleep(0)
            call.cancel()
    assert (await translation(engine, "number 7")).text.count("7") == 1
