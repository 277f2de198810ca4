"""What a stage has a defect for is asked of it twice, named to the client, and not asked again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running
from services.gateway.outgoing import closed
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh import failing
from tests.mesh.mesh import UTTERANCE, Heard, chunks, gateway, hello, loud, quiet, talk, text


async def serve(stack: AsyncExitStack, stage: str) -> dict[str, Any]:
    """A stage with a defect, as an endpoint of the gateway."""
    shared: dict[str, Any] = {"engine": f"tests.mesh.failing:Defective{stage.capitalize()}", "drain_seconds": 0}
    match stage:
        case "asr":
            asr = AsrSettings(vad="energy", **shared)
            port = await stack.enter_async_context(running(AsrServicer(asr), asr))
        case "mt":
            mt = MtSettings(**shared)
            port = await stack.enter_async_context(running(MtServicer(mt), mt))
        case _:
            tts = TtsSettings(**shared)
            port = await stack.enter_async_context(running(TtsServicer(tts), tts))
    return {f"{stage}_endpoints": (f"127.0.0.1:{port}",)}


def degraded(heard: Heard) -> set[tuple[pb.Stage.ValueType, pb.DegradedReason.ValueType, int]]:
    return {(less.stage, less.reason, less.segment_id) for flow in heard.of("flow") for less in flow.degraded}


async def test_a_recognizer_that_fails_behind_all_it_was_told_is_not_asked_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failing.DefectiveAsr, "calls", 0)
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(gateway(**await serve(stack, "asr")))
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE + loud(1.0) + quiet(1.0)))
    assert heard.fault is None
    assert {gap.reason for flow in heard.of("flow") for gap in flow.gaps} == {pb.GAP_REASON_QUARANTINED}
    assert failing.DefectiveAsr.calls <= 5


@pytest.mark.parametrize(("stage", "engine"), [("mt", failing.DefectiveMt), ("tts", failing.DefectiveTts)])
async def test_a_text_with_a_defect_is_asked_twice_whoever_types_it(
    monkeypatch: pytest.MonkeyPatch, stage: str, engine: Any
) -> None:
    monkeypatch.setattr(engine, "calls", 0)
    line = text("poison", final=True)
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(gateway(**await serve(stack, stage)))
        for _ in range(3):
            heard = await talk(stub, hello("es"), line, text("hello", final=True))
            assert heard.fault is None
            assert (closed.stage(stage.upper()), pb.DEGRADED_REASON_QUARANTINED, 1) in degraded(heard)
            assert heard.finals("es")[-1:]
    assert engine.calls == 2
