"""Faults on demand: `mesh.fault.v1.Fault`, refused unless a setting of the service allows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from services.common.errors import InvalidArgument, Unsupported, quoted
from services.common.server.rehearsal import Fault, Kind, Rehearsal

# Takes a stage, "ASR", "MT" or "TTS", and what is to befall one of its replicas.
Forward: TypeAlias = Callable[[str, fault_pb2.SimulateFaultRequest], Awaitable[None]]

STAGES = ("ASR", "MT", "TTS")
_LONGEST_MS = 600_000
_FACTOR = (1.0, 100.0)
_MOST_MIB = 65_536


class FaultServicer(fault_pb2_grpc.FaultServicer):
    """Serves `mesh.fault.v1.Fault`: arms simulated faults.

    `setting` names what allows it, when it is not allowed. Without a rehearsal of an engine only the process can break.
    """

    def __init__(self, setting: str, engine: Rehearsal | None, forward: Forward | None) -> None:
        self._setting = setting
        self._engine = engine
        self._own = engine or Rehearsal()
        self._forward = forward

    async def SimulateFault(  # noqa: D102 - the contract documents it
        self, request: fault_pb2.SimulateFaultRequest, context: Any
    ) -> fault_pb2.SimulateFaultResponse:
        if self._setting:
            raise Unsupported(
                "FAULTS_OFF", f"Faults are not simulated here, unless it starts with {self._setting}=true."
            )
        fault = _fault(request)
        if request.stage:
            await self._pass(request)
        else:
            self._arm(fault)
        return fault_pb2.SimulateFaultResponse()

    async def _pass(self, request: fault_pb2.SimulateFaultRequest) -> None:
        accepted = ["", *(STAGES if self._forward else ())]
        if self._forward is None or request.stage not in STAGES:
            message = f"{quoted(request.stage)} cannot be reached from here."
            raise InvalidArgument("UNKNOWN_STAGE", message, "stage", accepted)
        there = fault_pb2.SimulateFaultRequest()
        there.CopyFrom(request)
        there.stage = ""
        await self._forward(request.stage, there)

    def _arm(self, fault: Fault) -> None:
        if self._engine is None:
            own = [kind.value for kind in Kind if not kind.of_engine]
            if fault.kind.of_engine:
                raise InvalidArgument("NO_ENGINE", "This service has no engine to break.", "kind", own)
            if fault.after_calls:
                raise InvalidArgument(
                    "NO_ENGINE", "This service has no engine to count calls of.", "when.after_calls", ["0"]
                )
        self._own.arm(fault)


def _fault(request: fault_pb2.SimulateFaultRequest) -> Fault:
    """Return the fault that a request describes. Raises InvalidArgument naming the field that is wrong."""
    kinds = {fault_pb2.FaultKind.Value(kind.value): kind for kind in Kind}
    if request.kind not in kinds:
        message = "There is no fault without a kind." if not request.kind else f"{request.kind} has no meaning."
        raise InvalidArgument("UNKNOWN_VALUE", message, "kind", [kind.value for kind in Kind])
    kind = kinds[request.kind]
    when = request.when
    _within(when.after_ms, (0, _LONGEST_MS), "when.after_ms")
    _of(kind, "when.duration_ms", when.duration_ms, kind.lasts)
    _within(when.duration_ms, (0, _LONGEST_MS), "when.duration_ms")
    _of(kind, "factor", request.factor, kind is Kind.SLOW)
    if kind is Kind.SLOW:
        _within(request.factor, _FACTOR, "factor")
    _of(kind, "memory_mib", request.memory_mib, kind is Kind.EXHAUST_MEMORY)
    _within(request.memory_mib, (0, _MOST_MIB), "memory_mib")
    return Fault(kind, when.after_ms, when.after_calls, when.duration_ms, request.factor, request.memory_mib)


def _within(value: float, bounds: tuple[float, float], field: str) -> None:
    least, most = bounds
    if not least <= value <= most:
        accepted = [f"{least:g} to {most:.0f}"]
        raise InvalidArgument("OUT_OF_RANGE", f"{value:g} is outside {accepted[0]}.", field, accepted)


def _of(kind: Kind, field: str, value: float, has_it: bool) -> None:
    if value and not has_it:
        raise InvalidArgument("OUT_OF_PLACE", f"{kind.name} has no such thing.", field, ["0"])
