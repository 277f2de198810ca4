"""Faults as the edge answers them: over HTTP, on a WebSocket, and as it gets them from the gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import (
    AtCapacity,
    InvalidArgument,
    MeshError,
    PermissionDenied,
    StageFailed,
    Superseded,
    TooSlow,
    Unauthenticated,
)
from services.common.errors import Unsupported as Missing
from services.common.statuses import from_rpc_error

RATE_LIMIT = "RATE_LIMIT"  # what a client of the WebSocket is told when there is no room, whoever lacks it
_STATUSES = {
    InvalidArgument: 400,
    Missing: 501,
    Unauthenticated: 401,
    PermissionDenied: 403,
    AtCapacity: 429,
    StageFailed: 503,
    TooSlow: 504,
    Superseded: 409,
}
_OF_CALLS = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.PERMISSION_DENIED: 403}
_OF_TRANSPORT = ("GATEWAY_UNAVAILABLE", "GATEWAY_TOO_SLOW")  # codes of what no gateway has answered
_UNPAID = re.compile(r"QUOTA|BUDGET|MINUTES|PAYMENT")  # in a code: what one may use is used up


@dataclass(eq=False)
class Fault(Exception):
    """A refusal or failure, with the status that HTTP has for it."""

    status: int
    code: str
    message: str
    field: str = ""
    accepted: tuple[str, ...] = ()
    retry_after_ms: int = 0

    def problem(self) -> dict[str, object]:
        """Return the fault as problem details (RFC 9457), for JSON."""
        return {
            "type": f"urn:babelmesh:{self.code}",
            "title": self.code,
            "status": self.status,
            "detail": self.message,
            **self._beside(),
        }

    def event(self) -> dict[str, object]:
        """Return the fault as a fatal `error` of the WebSocket; one for want of room is a RATE_LIMIT."""
        full = self.status in (402, 429)
        return {
            "type": "error",
            "code": RATE_LIMIT if full else self.code,
            **({"reason": self.code} if full else {}),
            "message": self.message,
            "retry_after_ms": self.retry_after_ms,
            "fatal": True,
            **({"field": self.field} if self.field else {}),
            **({"accepted": list(self.accepted)} if self.accepted else {}),
        }

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer with this fault."""
        told = {"Retry-After": str(max(1, -(-self.retry_after_ms // 1000)))} if self.retry_after_ms else {}
        return {**told, **({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})}

    def _beside(self) -> Mapping[str, object]:
        found = {"field": self.field, "accepted": list(self.accepted), "retry_after_ms": self.retry_after_ms}
        return {name: value for name, value in found.items() if value}


def as_fault(error: MeshError | Fault) -> Fault:
    """Return the fault of an error of the mesh; a fault as it is."""
    if isinstance(error, Fault):
        return error
    status = _STATUSES.get(type(error), 500)
    return Fault(status, error.code, error.message, error.field, tuple(error.accepted), error.retry_after_ms or 0)


def fault_of_call(error: grpc.aio.AioRpcError) -> Fault:
    """Return the fault of a call to the gateway that failed."""
    found = from_rpc_error(error, "GATEWAY")
    if found.code in _OF_TRANSPORT:
        return _unreachable(error)
    return paid_for(as_fault(found))


def fault_told(error: pb.Error) -> Fault:
    """Return the fault of a fatal error that a session was told, before its status is known."""
    return replace(gateway_fault_told(error), field=as_sent(error.field))


def gateway_fault_told(error: pb.Error) -> Fault:
    """Return the fault of an error that a session was told, with the field as the gateway's contract names it."""
    message, accepted = error.message.removeprefix(f"{error.field}: "), tuple(error.accepted)
    return paid_for(Fault(_status_of(error), error.code, message, error.field, accepted, error.retry_after_ms))


def _status_of(error: pb.Error) -> int:
    if error.code in ("AT_CAPACITY", *_FULL):
        return 429
    if error.code.startswith("TOKEN_") and not error.code.startswith("TOKEN_KEYS_"):
        return 401
    if error.code in _NOT_GRANTED:
        return 403
    return 400 if error.field else 503


def as_sent(field: str) -> str:
    """Return the path of a field of the contract as it is in JSON: "hello.session.targets[0]" of "hello.targets[0]"."""
    first, _, rest = field.partition(".")
    if first == "hello" and rest.partition(".")[0] not in _AT_TOP:
        return f"hello.session.{rest}" if rest else field
    named = {"audio": "input_audio", "text": "input_text"}.get(first, first)
    return f"{named}.{rest}" if rest else named


_AT_TOP = ("resume_handle", "received", "deaths", "lost_server")  # of a hello, beside its session
_NOT_GRANTED = ("SCOPE_MISSING", "LANGUAGE_NOT_GRANTED", "VOICE_NOT_GRANTED", "QUOTA_CLASS_UNKNOWN")
_FULL = ("QUOTA_EXHAUSTED", "QUOTA_SESSIONS", "SHARE_USED", "TENANT_LIMIT", "TOO_MANY_CALLS", "TOO_MANY_STREAMS")


def paid_for(fault: Fault) -> Fault:
    """Return a fault with status 402 where it says that what a client may use is used up."""
    return replace(fault, status=402) if fault.status == 429 and _UNPAID.search(fault.code) else fault


def _unreachable(error: grpc.aio.AioRpcError) -> Fault:
    if error.code() in _OF_CALLS:
        return Fault(_OF_CALLS[error.code()], error.code().name, "The gateway refused the call.")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Fault(504, "GATEWAY_TOO_SLOW", "The gateway did not answer in time.", retry_after_ms=1000)
    return Fault(503, "GATEWAY_UNAVAILABLE", "The gateway cannot be reached.", retry_after_ms=1000)
