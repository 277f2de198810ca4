"""The engine on a model that hears whole recordings, through sherpa-onnx: a small one that hears levels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Stabilization
from services.asr.engines.sherpa.engine import Engine
from services.asr.settings import AsrSettings
from services.asr.stable_prefix import StablePrefix
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import InvalidArgument
from tests.models.asr.utterances import CTC
from tests.unit.asr import sense_voice

CHUNK_SAMPLES = 1600
START = 80_000


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    settings = {"bundles": [sense_voice.write(tmp_path / "levels")], "hypothesis_ms": 200}
    engine = Engine(AsrSettings(slots=2, sherpa=settings))
    await engine.start()
    yield engine
    await engine.stop()


def audio(*levels: tuple[float, float]) -> Pcm:
    """Noise, each so many seconds at such an amplitude."""
    chance = np.random.default_rng(1)
    parts = [chance.standard_normal(round(seconds * ASR_RATE)) * level for level, seconds in levels]
    return (np.concatenate(parts) * 32_767).astype(np.int16)


SPOKEN = audio((0.005, 0.5), (0.2, 0.5), (0.005, 0.5))


async def hypotheses(engine: Engine, *utterances: Pcm) -> list[Hypothesis]:
    async def heard() -> AsyncIterator[Heard]:
        offset_samples = START
        for pcm in utterances:
            for start in range(0, len(pcm), CHUNK_SAMPLES):
                yield Speech(pcm[start : start + CHUNK_SAMPLES], offset_samples + start)
            yield Endpoint()
            offset_samples += len(pcm)

    return [hypothesis async for hypothesis in engine.recognize(heard(), "en-US")]


async def test_hypotheses_grow_with_the_segment_and_its_words_settle(engine: Engine) -> None:
    found = await hypotheses(engine, SPOKEN)
    assert [hypothesis.final for hypothesis in found].index(True) == len(found) - 1
    assert (found[0].text, found[-1].text) == ("Soft", "Soft loud. Soft")
    stable = StablePrefix(engine.prefixes[Stabilization.FAST])
    for hypothesis in found[:-1]:
        stable.hear(hypothesis)
    assert [word.text for word in stable.concluded] == ["Soft", "loud.", "Soft"]


async def test_words_lie_where_they_were_said(engine: Engine) -> None:
    final = (await hypotheses(engine, SPOKEN))[-1]
    starts = [(word.start_samples - START) / ASR_RATE for word in final.words]
    assert starts == pytest.approx([0.0, 0.5, 1.0], abs=0.1)


async def test_sessions_side_by_side_hear_what_each_would_alone(engine: Engine) -> None:
    soft = audio((0.005, 0.7))
    alone = [await hypotheses(engine, pcm) for pcm in (SPOKEN, soft)]
    assert list(await asyncio.gather(hypotheses(engine, SPOKEN), hypotheses(engine, soft))) == alone


async def test_a_segment_shorter_than_a_window_is_heard(engine: Engine) -> None:
    found = await hypotheses(engine, audio((0.005, 0.03)), SPOKEN)
    assert found[0].final
    assert found[-1].text == "Soft loud. Soft"


async def test_its_words_come_written_and_it_takes_no_terms(engine: Engine) -> None:
    assert (engine.written, engine.biased) == (True, False)


async def test_a_language_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    await refused("Unknown language: fr", sense_voice.write(tmp_path / "levels", ("en-US", "fr-FR")))


async def test_models_with_and_without_written_words_are_not_served_together(tmp_path: Path) -> None:
    await refused("write cased and punctuated", sense_voice.write(tmp_path / "levels"), CTC)


async def refused(message: str, *bundles: Path) -> None:
    engine = Engine(AsrSettings(slots=2, sherpa={"bundles": bundles}))
    with pytest.raises(InvalidArgument, match=message):
        await engine.start()
    await engine.stop()
