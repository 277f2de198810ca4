"""A recognizer with several tiers of a language."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from mesh.asr.v1 import asr_pb2
from services.asr.engine import Heard, Hypothesis
from services.asr.engines.scripted import engine as scripted
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.errors import InvalidArgument
from tests.mesh.asr import Answers, Session, loud, serving, session, silence

LATE = threading.Event()  # set: finals of the larger tier come late
UTTERANCE = loud(900) + silence(700)
VARIANTS = {"large": {"engine": "scripted", "text": "large", "tentative": False}}


class Late(scripted.Engine):
    """The scripted recognizer, late when it is told to be."""

    name = "late"

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        async for guess in super().recognize(heard, language, affinity):
            if guess.final and LATE.is_set():
                await asyncio.sleep(0.35)
            yield guess


def _settings(**rest: Any) -> AsrSettings:
    told = {"engine": "scripted+large", "tiers": "scripted,large", "variants": VARIANTS, "vad": "energy"}
    small = {"text": "small", "tentative": False}
    return AsrSettings.model_validate({**told, "slots": 4, "drain_seconds": 0, "scripted": small, **rest})


def _tiers(answers: Answers) -> list[tuple[str, int, str]]:
    finals = [each.result for each in answers if each.WhichOneof("payload") == "result" and each.result.final]
    return [(final.tier, final.larger_tiers, final.text.split()[0]) for final in finals]


async def test_a_session_gets_the_largest_tier_and_is_told_so() -> None:
    async with serving(_settings()) as stub:
        assert _tiers(await session(stub, UTTERANCE, UTTERANCE)) == [("large", 0, "Large")] * 2


async def test_a_tier_that_is_set_is_the_one_of_all_segments() -> None:
    async with serving(_settings(tier="scripted")) as stub:
        assert _tiers(await session(stub, UTTERANCE)) == [("scripted", 0, "Small")]


async def test_a_budget_that_the_largest_tier_cannot_keep_gets_a_smaller_one() -> None:
    slow = {"large": {**VARIANTS["large"], "compute_ms": 10}}
    async with serving(_settings(variants=slow)) as stub:
        assert _tiers(await session(stub, UTTERANCE, objective_ms=5)) == [("scripted", 1, "Small")]
        assert _tiers(await session(stub, UTTERANCE, objective_ms=5000)) == [("large", 0, "Large")]


async def test_late_finals_take_a_tier_away_within_a_session_and_quick_ones_give_it_back() -> None:
    tiers = {"engine": f"scripted+{__name__}:Late", "tiers": "scripted,late", "tier_calm_seconds": 0.3}
    async with serving(_settings(**tiers)) as stub:
        opened = Session(stub.Recognize())
        await opened.configure(objective_ms=400, interim_results=False)
        LATE.set()
        while await _next_tier(opened) == "late":
            pass
        LATE.clear()
        while await _next_tier(opened) != "late":
            pass
        told = _tiers(await opened.rest())
    assert told[0] == ("late", 0, "Small")
    assert ("scripted", 1, "Small") in told


async def _next_tier(opened: Session) -> str:
    """Speaks one more utterance; the tier that recognized it."""
    await opened.audio(UTTERANCE)
    return (await opened.until("result")).result.tier


async def test_without_tiers_nothing_is_told_of_any() -> None:
    async with serving(_settings(tiers="")) as stub:
        assert _tiers(await session(stub, UTTERANCE)) == [("", 0, "Small")]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"tiers": "scripted,huge"}, "ASR_TIERS"),
        ({"tiers": "scripted,scripted"}, "ASR_TIERS"),
        ({"tier": "huge"}, "ASR_TIER"),
        ({"variants": {"large": {"engine": "imaginary"}}}, "ASR_VARIANTS.large.engine"),
        ({"variants": {"large": {"engine": "scripted", "wordms": 3}}}, "ASR_VARIANTS.large.wordms"),
    ],
)
def test_settings_that_name_no_tier_are_refused_by_their_name(told: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        AsrServicer(_settings(**told))
    assert refused.value.field == field
    assert refused.value.accepted


async def test_an_objective_out_of_range_is_refused_by_its_name() -> None:
    async with serving(_settings()) as stub:
        opened = Session(stub.Recognize())
        await opened.call.write(
            asr_pb2.RecognizeRequest(config=asr_pb2.RecognizeConfig(lang="en", objective_ms=70_000))
        )
        assert "config.objective_ms" in str((await opened.status()).details())
