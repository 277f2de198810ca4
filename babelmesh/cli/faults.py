"""Simulates faults, for rehearsals: the client of `mesh.fault.v1`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from babelmesh._stubs.mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from babelmesh.client.dialling import Tls, dialling
from babelmesh.client.errors import typed_failures
from babelmesh.client.gateways import CHANNEL_OPTIONS

ANSWER_SECONDS = 10.0


class FaultKind(StrEnum):
    """The kinds of faults that `babelmesh fault` accepts."""

    CRASH = "crash"
    HANG = "hang"
    BLOCK_LOOP = "block-loop"
    SLOW = "slow"
    FAIL_NEXT = "fail-next"
    EXHAUST_MEMORY = "exhaust-memory"


class FaultStage(StrEnum):
    """The stages a fault can be passed on to, in a replica that the gateway picks."""

    ASR = "asr"
    MT = "mt"
    TTS = "tts"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to simulate: what, when and for how long. Zero stands for the server's default."""

    kind: FaultKind
    stage: FaultStage | None = None  # None: in the server that is called
    after_ms: int = 0
    after_calls: int = 0
    duration_ms: int = 0
    factor: float = 0.0
    memory_mib: int = 0


async def simulate_fault(address: str, fault: Fault, tls: Tls | None = None) -> None:
    """Arm a fault on a server. Raises SessionFailed when it is refused, or the server cannot be reached."""
    request = fault_pb2.SimulateFaultRequest(
        stage=fault.stage.name if fault.stage else "",
        kind=fault_pb2.FaultKind.Value(f"FAULT_KIND_{fault.kind.name}"),
        when=fault_pb2.FaultTime(after_ms=fault.after_ms, after_calls=fault.after_calls, duration_ms=fault.duration_ms),
        factor=fault.factor,
        memory_mib=fault.memory_mib,
    )
    async with dialling([address], tls).channel(address, CHANNEL_OPTIONS) as channel:
        with typed_failures(address):
            await fault_pb2_grpc.FaultStub(channel).SimulateFault(request, timeout=ANSWER_SECONDS)
