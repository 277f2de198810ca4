"""Metrics of every call: count, duration, ending and refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from services.common.errors import MeshError, cause
from services.common.telemetry import metrics

_DURATION = metrics.histogram("babelmesh.rpc.duration")
_ACTIVE = metrics.up_down("babelmesh.rpc.active")
_REFUSALS = metrics.counter("babelmesh.refusals")


def stage_of(service_name: str) -> str:
    """Return a service's name in metrics: "asr" of "mesh.asr.v1.Asr"; what is no stage is the gateway."""
    package, _, rest = service_name.partition(".")
    return rest.partition(".")[0] if package == "mesh" else "gateway"


def refused(stage: str, code: str) -> None:
    """Count a call, or a session, that was refused at the door; `stage` in any case, empty for the gateway."""
    _REFUSALS.add(1, {"stage": stage.lower() or "gateway", "code": code})


def may_refuse(stage: str, codes: Iterable[str]) -> None:
    """Create the refusal counters of a service that may refuse with these codes."""
    metrics.from_zero(_REFUSALS, ({"stage": stage, "code": code} for code in codes))


@contextmanager
def measured(method: str, context: grpc.aio.ServicerContext[Any, Any]) -> Iterator[None]:
    """Measure the call of a method that is served; names that anyone may send must not come here."""
    began = time.perf_counter()
    of = {"rpc": method.removeprefix("/")}
    code = "OK"
    _ACTIVE.add(1, of)
    try:
        yield
    except BaseException as error:
        code = _code(cause(error), context)
        raise
    finally:
        _ACTIVE.add(-1, of)
        _DURATION.record(time.perf_counter() - began, {**of, "code": code})


def _code(error: BaseException, context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the code by which a call ended that raised an exception."""
    if isinstance(error, MeshError):
        return error.code
    if isinstance(error, (asyncio.CancelledError, grpc.aio.InternalError)):  # that: a write or read on a call gone
        return grpc.StatusCode.CANCELLED.name
    if isinstance(error, grpc.aio.AbortError):
        status: Any = context.code()
        return next((each.name for each in grpc.StatusCode if status in (each, each.value[0])), "UNKNOWN")
    return "OUT_OF_MEMORY" if isinstance(error, MemoryError) else "DEFECT"
