"""What clients and operators are told of tiers, across the mesh."""

from __future__ import annotations

import json
from typing import Any

import pytest

from babelmesh.cli import watching
from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import UTTERANCE, chunks, gateway, gateway_address, hello, talk

TIERS = {"engine": "scripted+large", "tiers": "scripted,large", "tier_cores": 1000}
SLOW = {"large": {"engine": "scripted", "compute_ms": 1}}


def _tiers(heard: Any) -> list[tuple[pb.Stage.ValueType, str, str, bool]]:
    found = [less for flow in heard.of("flow") for less in flow.degraded if less.reason == pb.DEGRADED_REASON_TIER]
    return [(less.stage, less.target_lang, less.tier, less.over) for less in found]


async def test_a_session_on_the_largest_tiers_hears_of_none() -> None:
    async with gateway(stages={**TIERS, "variants": SLOW}) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE))
    assert heard.finals("es")
    assert _tiers(heard) == []


async def test_a_session_below_the_largest_tier_is_told_so_by_each_stage_once() -> None:
    async with gateway(stages={**TIERS, "variants": SLOW, "tier_cores": 0.0001}) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE), *chunks(UTTERANCE))
    assert sorted(_tiers(heard)) == [
        (pb.STAGE_ASR, "", "scripted", False),
        (pb.STAGE_MT, "es", "scripted", False),
        (pb.STAGE_TTS, "es", "scripted", False),
    ]


async def test_a_voice_that_a_client_asks_for_speaks_whatever_the_tiers() -> None:
    asked = pb.Target(lang="es", voice="es-2")
    async with gateway(stages={**TIERS, "variants": SLOW, "tier": "scripted"}) as stub:
        heard = await talk(stub, hello(asked), *chunks(UTTERANCE))
    assert heard.of("tts")
    assert _tiers(heard) == []


async def test_operators_see_who_is_on_which_tier(capsys: pytest.CaptureFixture[str]) -> None:
    async with gateway_address(stages={**TIERS, "variants": SLOW}) as address:
        await watching.top([address.operators], once=True, as_events=True)
    stages = json.loads(capsys.readouterr().out)["overview"]["stages"]
    told = [{tier["name"]: tier.get("sessions", 0) for tier in stage["replicas"][0]["tiers"]} for stage in stages]
    assert told == [{"scripted": 0, "large": 0}] * 3
