"""Tiers where a session has several languages: each language has a ladder of its own."""

from __future__ import annotations

from typing import Any

from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.settings import AsrSettings
from tests.mesh.asr import Answers, finals, interims, loud, serving, session, silence
from tests.mesh.mesh import chunks, gateway, hello, quiet, talk
from tests.mesh.mesh import loud as spoken
from tests.mesh.test_spoken_languages import BOTH, SPOKEN, shown

TURNS = loud(2_500) + silence(2_500) + loud(2_500) + silence(1_000)  # English, then Spanish
BOTH_TAGS = ["en-US", "es-ES"]


def _script(size: str, **rest: Any) -> dict[str, Any]:
    """A recognizer of both languages, which puts its size and the language into all it hears."""
    texts = {tag: f"{size}-{tag}" for tag in BOTH_TAGS}
    return {"spoken": BOTH_TAGS, "texts": texts, "tentative": False, **rest}


def _settings(large: dict[str, Any], **rest: Any) -> AsrSettings:
    told = {"engine": "scripted+large", "tiers": "scripted,large", "vad": "energy", "drain_seconds": 0, **rest}
    variants = {"large": {"engine": "scripted", **large}}
    return AsrSettings.model_validate({**told, "variants": variants, "scripted": _script("small")})


def _heard(answers: Answers) -> list[tuple[str, str, int, str]]:
    return [(each.lang, each.tier, each.larger_tiers, each.text.split()[0].lower()) for each in finals(answers)]


async def test_each_utterance_gets_a_tier_of_the_language_it_is_in() -> None:
    async with serving(_settings(_script("large"))) as stub:
        answers = await session(stub, TURNS, langs=BOTH_TAGS)
    assert _heard(answers) == [("en-US", "large", 0, "large-en-us"), ("es-ES", "large", 0, "large-es-es")]
    tentative = [each for each in interims(answers) if each.lang_tentative]
    assert {each.tier for each in tentative} == {"large"}


async def test_a_budget_that_a_large_model_cannot_keep_gets_the_small_one_of_each_language() -> None:
    async with serving(_settings(_script("large", compute_ms=10))) as stub:
        answers = await session(stub, TURNS, langs=BOTH_TAGS, objective_ms=5)
    assert _heard(answers) == [("en-US", "scripted", 1, "small-en-us"), ("es-ES", "scripted", 1, "small-es-es")]


async def test_a_language_with_one_engine_beside_one_with_tiers_is_heard_by_that() -> None:
    async with serving(_settings(_script("large", languages=["en-US"], spoken=[]))) as stub:
        answers = await session(stub, TURNS, langs=BOTH_TAGS)
    assert _heard(answers) == [("en-US", "large", 0, "large-en-us"), ("es-ES", "", 0, "small-es-es")]


async def test_a_client_is_told_of_a_tier_once_the_language_is_decided() -> None:
    tiers = {"engine": "scripted+large", "tiers": "scripted,large", "tier_cores": 0.0001}
    stages = {**tiers, "variants": {"large": {"engine": "scripted", "compute_ms": 1}}}
    async with gateway(asr={**SPOKEN, "spoken": ["es-ES"]}, mt={"both_ways": True}, stages=stages) as stub:
        wanted = hello(*map(shown, BOTH), source_lang="", source_langs=BOTH)
        heard = await talk(stub, wanted, *chunks(spoken(3) + quiet(1)))
    told = [number for number, each in enumerate(heard.messages) if _tells_of_tier(each)]
    guessed = [number for number, each in enumerate(heard.messages) if each.asr.lang_tentative]
    assert guessed
    assert len(told) == 1
    assert told[0] > guessed[-1]


def _tells_of_tier(message: pb.ServerMessage) -> bool:
    return any((less.stage, less.reason) == (pb.STAGE_ASR, pb.DEGRADED_REASON_TIER) for less in message.flow.degraded)
