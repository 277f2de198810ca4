"""What every synthesizer must do, run on every engine that is installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio

from services.common.audio.pcm import from_bytes
from services.common.engines.selection import engine_class
from services.tts.engine import Clause, Engine, Voice
from services.tts.settings import TtsSettings
from tests.contract import fake_riva
from tests.models.installed import installed

pytestmark = pytest.mark.asyncio(loop_scope="module")  # an engine is started once for all tests

TEXT = "Buenos d\u00edas, amigos."


KOKORO = installed("kokoro-82m")
SMALL_VOICE = Path(__file__).parents[1] / "models/tts/es-small"


WEIGHTS = pytest.param("kokoro", marks=[pytest.mark.weights, pytest.mark.timeout(300)])


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["embedded", "scripted", "onnx", WEIGHTS, "riva"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    if request.param in ("embedded", "onnx", "kokoro") and not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    if request.param == "kokoro" and KOKORO is None:
        pytest.skip("the bundle kokoro-82m is not installed")
    async with fake_riva.endpoint(request.param) as riva:
        options = {
            "riva": riva,
            "onnx": {"bundles": [SMALL_VOICE], "batch_items": 8},
            "kokoro": {"bundles": [KOKORO] if KOKORO else []},
        }
        subject: Engine = engine_class("tts", request.param)(TtsSettings.model_validate(options))
        await subject.start()
        yield subject
        await subject.stop()


def spanish(engine: Engine) -> Voice:
    return next(voice for voice in engine.voices if voice.language == "es")


async def pieces(engine: Engine, text: str, speaking_rate: float = 1.0) -> list[bytes]:
    clause = Clause(text, spanish(engine), speaking_rate)
    return [piece async for piece in engine.synthesize(clause)]


async def test_it_has_a_name_a_version_and_voices_of_different_names(engine: Engine) -> None:
    assert engine.name
    assert engine.version
    assert 8_000 <= engine.sample_rate_hertz <= 48_000
    assert len({voice.name for voice in engine.voices}) == len(engine.voices)


async def test_the_speech_is_audible_soon_and_of_a_plausible_length(engine: Engine) -> None:
    pcm = from_bytes(b"".join(await pieces(engine, TEXT)))
    assert 0.5 < len(pcm) / engine.sample_rate_hertz < 4
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 300)
    assert loud[0] / engine.sample_rate_hertz < 0.15
    assert (len(pcm) - loud[-1]) / engine.sample_rate_hertz < 0.15


async def test_a_neural_voice_tells_the_symbols_it_reads_before_its_first_piece(engine: Engine) -> None:
    clause = Clause(TEXT, spanish(engine))
    async with aclosing(engine.synthesize(clause)) as speech:
        await anext(speech)
        symbols = clause.tally.symbols
    assert symbols is None if engine.name in ("embedded", "riva") else symbols and symbols >= len(TEXT) // 2


async def test_pieces_hold_whole_samples_and_at_most_a_tenth_of_a_second(engine: Engine) -> None:
    sizes = [len(piece) for piece in await pieces(engine, TEXT)]
    assert all(size % 2 == 0 and 0 < size <= 2 * engine.sample_rate_hertz // 10 for size in sizes)


async def test_a_rate_of_two_takes_about_half_the_time(engine: Engine) -> None:
    slow, normal, fast = [len(b"".join(await pieces(engine, TEXT * 3, rate))) for rate in (0.5, 1.0, 2.0)]
    assert 1.6 < slow / normal < 2.4
    assert 1.6 < normal / fast < 2.4


@pytest.mark.parametrize(
    "text", ["...", "\U0001f600", "<speak>&amp;</speak>", "[[x]] \x01 \0", "\u65e5\u672c", "a" * 900]
)
async def test_odd_texts_are_spoken_or_pass_in_silence(engine: Engine, text: str) -> None:
    await pieces(engine, text)
    assert await pieces(engine, TEXT)


async def test_closing_early_stops_the_work(engine: Engine) -> None:
    async with aclosing(engine.synthesize(Clause(TEXT * 20, spanish(engine)))) as speech:
        assert await anext(speech)
    assert not [child for child in psutil.Process().children() if "espeak" in child.name()]


async def test_clauses_at_once_are_each_their_own(engine: Engine) -> None:
    texts = [TEXT * count for count in range(1, 9)]
    alone = [from_bytes(b"".join(await pieces(engine, text))) for text in texts]
    together = [
        from_bytes(b"".join(parts)) for parts in await asyncio.gather(*(pieces(engine, text) for text in texts))
    ]
    rounding = 4 if engine.name == "onnx" else 0  # sums of a batch are added up in another order
    for one, beside in zip(alone, together, strict=True):
        np.testing.assert_allclose(beside.astype(int), one, rtol=0, atol=rounding)
