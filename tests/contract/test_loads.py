"""How busy an engine says it is, of every engine that is installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from services.asr.settings import AsrSettings
from services.common.engines import load
from services.common.engines.selection import engine_class
from services.mt.engine import Pair, Source
from services.mt.settings import MtSettings
from services.tts.engine import Clause
from services.tts.settings import TtsSettings
from tests.contract import fake_riva
from tests.contract.recordings import recording
from tests.contract.test_asr_engine import hypotheses
from tests.models.asr import utterances as phrasebook

MODELS = Path(__file__).parent.parent / "models"
SETTINGS: dict[str, Any] = {"asr": AsrSettings, "mt": MtSettings, "tts": TtsSettings}
NEEDED = {
    "asr.embedded": "pocketsphinx",
    "mt.embedded": "lt-proc",
    "tts.embedded": "espeak-ng",
    "tts.onnx": "espeak-ng",
}

OPTIONS: dict[str, dict[str, Any]] = {  # each with room for little at once
    "asr.embedded": {"warm": 1},
    "asr.scripted": {"compute_ms": 5},
    "asr.onnx": {"bundles": [phrasebook.TRANSDUCER], "device": "cpu", "max_batch": 1},
    "asr.sherpa": {"bundles": [phrasebook.CTC], "max_batch": 1},
    "asr.riva": {},
    "mt.embedded": {"warm_from": "", "pipelines": 1},
    "mt.scripted": {"compute_ms": 20, "batch": 2},
    "mt.onnx": {"bundles": [MODELS / "mt" / "phrasebook-en-es"], "device": "cpu", "rows": 2},
    "mt.riva": {},
    "tts.embedded": {},
    "tts.scripted": {"compute_ms": 5},
    "tts.onnx": {"bundles": [MODELS / "tts" / "es-small"], "device": "cpu", "batch_items": 1},
    "tts.riva": {},
}
# No bundle of theirs is small enough to lie in the repository.
WITHOUT_BUNDLE = ("asr.ctranslate2", "asr.moonshine", "mt.ctranslate2", "mt.firefox", "tts.kokoro")
NOTHING_WAITS = ("asr.riva", "mt.riva", "tts.riva", "tts.embedded")  # in it: others are refused at the stage's door
AT_THE_DOOR = (*NOTHING_WAITS, "asr.scripted")  # is the limit of what it has in hand at once
SLOTS = {"asr.embedded": 1, "asr.riva": 2, "mt.riva": 2, "tts.riva": 2, "tts.embedded": 2}  # where they are the limit


@pytest.fixture(params=OPTIONS)
async def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    needed = NEEDED.get(request.param, "")
    if needed and not (shutil.which(needed) or find_spec(needed.replace("-", "_"))):
        pytest.skip(f"{needed} is not installed")
    monkeypatch.setattr(load, "WINDOW_SECONDS", 0.25)  # so that the tests need not wait for long
    async with started(request.param) as subject:
        yield subject


@asynccontextmanager
async def started(key: str) -> AsyncIterator[Any]:
    stage, _, name = key.partition(".")
    async with fake_riva.endpoint(name) as riva:
        options = {name: {**OPTIONS[key], **(riva if name == "riva" else {})}}
        subject = engine_class(stage, name)(SETTINGS[stage](slots=SLOTS.get(key, 8), **options))
        await subject.start()
        subject.key = key
        yield subject
        await subject.stop()


async def work(engine: Any, number: int) -> None:
    """A call or a session, unlike all others."""
    match engine.key.partition(".")[0]:
        case "asr":
            embedded = engine.name == "embedded"
            said = recording("please-try-again") if embedded else phrasebook.utterance(next(iter(phrasebook.SPOKEN)))
            await hypotheses(engine, said)
        case "mt":
            await engine.translate(Source(f"The dog is here, number {number}.", Pair("en", "es")))
        case "tts":
            voice = next(voice for voice in engine.voices if voice.language == "es")
            async for _ in engine.synthesize(Clause(f"Buenos días {number}.", voice)):
                pass


async def empty(engine: Any) -> None:
    """Returns when nothing was in work, or waited, for as long as the load looks back."""
    for _ in range(3_000):
        if not (engine.load.fill or engine.load.queue_seconds):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"It is never empty: {engine.load.fill}, {engine.load.queue_seconds} s.")


async def peaks(engine: Any, count: int) -> tuple[float, float]:
    """How full it was, and how long things waited, at the worst moment of so many calls."""
    fill = queue_seconds = 0.0
    async with asyncio.TaskGroup() as tasks:
        left = {tasks.create_task(work(engine, number)) for number in range(count)}
        while left:
            _, left = await asyncio.wait(left, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
            fill = max(fill, engine.load.fill)
            queue_seconds = max(queue_seconds, engine.load.queue_seconds)
    return fill, queue_seconds


async def test_what_is_in_work_fills_it_and_more_than_it_can_have_in_hand_waits(engine: Any) -> None:
    await empty(engine)
    alone, _ = await peaks(engine, 1)
    assert 0 < alone <= 1 + 1e-6
    most = engine.load.most
    together, waited = await peaks(engine, most if engine.key in AT_THE_DOOR else 2 * most + 1)
    assert 0 < together <= 1 + 1e-6
    assert (waited > 0) is (engine.key not in NOTHING_WAITS)
    await empty(engine)


async def test_calls_that_are_given_up_leave_nothing_behind(engine: Any) -> None:
    calls = [asyncio.ensure_future(work(engine, number)) for number in range(3)]
    for call in calls:
        await asyncio.sleep(0)
        call.cancel()
    await asyncio.wait(calls)
    await empty(engine)


def test_every_engine_is_under_this_contract() -> None:
    folders = (Path(__file__).parents[2] / "services" / stage / "engines" for stage in SETTINGS)
    found = {path for folder in folders for path in folder.glob("*/engine.py") if "class Engine" in path.read_text()}
    assert {*OPTIONS, *WITHOUT_BUNDLE} == {f"{path.parts[-4]}.{path.parts[-2]}" for path in found}
