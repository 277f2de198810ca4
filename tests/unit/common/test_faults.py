"""Which faults are refused, and by which field."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.fault.v1 import fault_pb2
from services.common.errors import InvalidArgument, Unsupported
from services.common.server.faults import FaultServicer
from services.common.server.rehearsal import Rehearsal

CRASH, SLOW, HANG = fault_pb2.FAULT_KIND_CRASH, fault_pb2.FAULT_KIND_SLOW, fault_pb2.FAULT_KIND_HANG
LATER = {"after_ms": 600_000}


async def ask(servicer: FaultServicer, when: dict[str, int] | None = None, **fields: Any) -> None:
    request = fault_pb2.SimulateFaultRequest(when=fault_pb2.FaultTime(**(when or {})), **fields)
    await servicer.SimulateFault(request, None)


async def test_without_the_setting_every_fault_is_refused_and_the_setting_named() -> None:
    with pytest.raises(Unsupported, match="ASR_FAULTS=true"):
        await ask(FaultServicer("ASR_FAULTS", Rehearsal(), None), kind=CRASH)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "kind"),
        ({"kind": 99}, "kind"),
        ({"kind": HANG, "when": {"after_ms": 600_001}}, "when.after_ms"),
        ({"kind": HANG, "when": {"duration_ms": 600_001}}, "when.duration_ms"),
        ({"kind": CRASH, "when": {"duration_ms": 1}}, "when.duration_ms"),
        ({"kind": SLOW}, "factor"),
        ({"kind": SLOW, "factor": 0.5}, "factor"),
        ({"kind": SLOW, "factor": 101}, "factor"),
        ({"kind": SLOW, "factor": float("nan")}, "factor"),
        ({"kind": HANG, "factor": 2}, "factor"),
        ({"kind": HANG, "memory_mib": 1}, "memory_mib"),
        ({"kind": fault_pb2.FAULT_KIND_EXHAUST_MEMORY, "memory_mib": 65_537}, "memory_mib"),
        ({"kind": HANG, "stage": "MT"}, "stage"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(request_: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await ask(FaultServicer("", Rehearsal(), None), **request_)
    assert refused.value.field == field
    assert refused.value.accepted


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"kind": HANG}, "kind"),
        ({"kind": SLOW, "factor": 2}, "kind"),
        ({"kind": CRASH, "when": {"after_calls": 1}}, "when.after_calls"),
    ],
)
async def test_a_service_without_an_engine_has_none_to_break(request_: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await ask(FaultServicer("", None, None), **request_)
    assert refused.value.field == field


async def test_a_fault_of_a_stage_is_passed_on_as_that_stages_own() -> None:
    passed = []

    async def forward(stage: str, request: fault_pb2.SimulateFaultRequest) -> None:
        passed.append((stage, request.stage, request.kind, request.when.after_ms))

    servicer = FaultServicer("", None, forward)
    await ask(servicer, LATER, kind=HANG, stage="MT")
    assert passed == [("MT", "", HANG, 600_000)]
    with pytest.raises(InvalidArgument, match="ASR, MT, TTS"):
        await ask(servicer, kind=HANG, stage="GATEWAY")
