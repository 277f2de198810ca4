"""The errors of the mesh, and their form on the wire.

    MeshError
    ├── InvalidArgument   a field holds what it may not       INVALID_ARGUMENT, BadRequest
    ├── Unsupported       a field asks for what is not built  UNIMPLEMENTED, BadRequest
    ├── AtCapacity        no slot is free                     RESOURCE_EXHAUSTED, RetryInfo, QuotaFailure
    ├── StageFailed       an engine or a stage broke          UNAVAILABLE, RetryInfo
    ├── TooSlow           a deadline passed                   DEADLINE_EXCEEDED, RetryInfo
    ├── Superseded        another call goes on with it        ABORTED
    └── Defect            our own fault                       INTERNAL

Code raises these; `services.common.server.door` is the one place that turns them into statuses, with details of
`google.rpc` (ErrorInfo always). `from_rpc_error` turns a stage's status back into the same tree, on the gateway's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "babelmesh"
# Refusals for what the caller takes itself: more replicas would not help it.
OWN_QUOTA = frozenset({"SHARE_USED", "TENANT_LIMIT", "TOO_MANY_CALLS", "TOO_MANY_STREAMS"})

MOST_QUOTED = 64  # characters of what a caller sent that a message shows: a status must arrive whole
_MOST_LISTED = 500  # characters of what is accepted that a status lists; the session's own error lists all
_MOST_BYTES = 900  # of a status's message: it travels three times, in metadata of 8 KiB, and some bytes as three
_MOST_FIELD = 256  # characters of the path of a field


def quoted(sent: str) -> str:
    """Return a caller's text as a message may show it: quoted, escaped, and cut to 64 characters."""
    if len(sent) <= MOST_QUOTED:
        return repr(sent)
    return f"{sent[:MOST_QUOTED]!r} and {len(sent) - MOST_QUOTED} more"


@dataclass(eq=False)
class MeshError(Exception):
    """An error of the mesh. `code` is UPPER_SNAKE, `message` is a sentence a person can act on."""

    code: str
    message: str
    field: str = ""  # the field at fault, as a path: "hello.targets[1].voice"
    accepted: Sequence[str] = ()  # what that field accepts
    retry_after_ms: int = 0  # 0: another try makes no sense
    stage: str = ""  # "ASR", "MT" or "TTS" when a stage is at fault
    status = code_pb2.INTERNAL

    def __str__(self) -> str:
        """Return the error in a sentence or two. The list of accepted values is cut where it would not fit into a
        status.
        """
        accepted = f" Accepted: {_listed(self.accepted)}." if self.accepted else ""
        return f"{self.field + ': ' if self.field else ''}{self.message}{accepted}"


def _listed(values: Sequence[str]) -> str:
    """Return values separated by commas, as many as there is room for, and how many more there are."""
    kept, room = 0, _MOST_LISTED
    for value in values:
        room -= len(value) + 2
        if room < 0:
            break
        kept += 1
    left = len(values) - kept
    return ", ".join(values[:kept]) + (f" and {left} more" if left else "")


class InvalidArgument(MeshError):
    """An argument the caller may not send: `field` names it, `accepted` lists what it may hold."""

    status = code_pb2.INVALID_ARGUMENT


class Unsupported(MeshError):
    """A feature of the contract that this server has not built."""

    status = code_pb2.UNIMPLEMENTED


class AtCapacity(MeshError):
    """No slot is free; `retry_after_ms` says when to retry."""

    status = code_pb2.RESOURCE_EXHAUSTED


class StageFailed(MeshError):
    """An engine or a stage failed during its work, or cannot be reached."""

    status = code_pb2.UNAVAILABLE


class TooSlow(MeshError):
    """A deadline passed before something was done, sent or read."""

    status = code_pb2.DEADLINE_EXCEEDED


class Superseded(MeshError):
    """The work continues in another call, which a retry of this one would end."""

    status = code_pb2.ABORTED


class Defect(MeshError):
    """An unforeseen error of our own: a bug."""

    status = code_pb2.INTERNAL


KINDS: tuple[type[MeshError], ...] = (
    InvalidArgument,
    Unsupported,
    AtCapacity,
    StageFailed,
    TooSlow,
    Superseded,
    Defect,
)


def to_status(error: MeshError) -> status_pb2.Status:
    """Return an error's `google.rpc.Status`, with its details."""
    message = _fitting(str(error))
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata={"stage": error.stage})
    ]
    if error.field:
        field = error.field[:_MOST_FIELD]
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_ms:
        delay = Duration()
        delay.FromMilliseconds(error.retry_after_ms)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if isinstance(error, AtCapacity):
        subject = error.stage or ("TENANT" if error.code in OWN_QUOTA else "GATEWAY")
        quota = error_details_pb2.QuotaFailure.Violation(subject=subject, description=message)
        details.append(error_details_pb2.QuotaFailure(violations=[quota]))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=error.status, message=message, details=packed)


def _fitting(text: str) -> str:
    """Return a message cut to the length that fits into a status."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= _MOST_BYTES else encoded[: _MOST_BYTES - 3].decode(errors="ignore") + "\u2026"


def from_rpc_error(error: grpc.aio.AioRpcError, stage: str) -> MeshError:
    """Return the MeshError behind a failed call to `stage`.

    A status without our details is the transport's, whatever its code: StageFailed, or TooSlow past a deadline. So is
    INTERNAL, which is what is left of a status that crossed a write (grpc/grpc#36066).
    """
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads code, details and trailers, which both have
    kind: type[MeshError] = TooSlow if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else StageFailed
    code, message, retry_after_ms = f"{stage}_UNAVAILABLE", f"The {stage} stage could not be reached.", 1000
    if kind is TooSlow:
        code, message = f"{stage}_TOO_SLOW", f"The {stage} stage did not answer in time."
    for detail in status.details if status else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            kind = {each.status: each for each in KINDS}.get(error.code().value[0], StageFailed)
            code, message, retry_after_ms = info.reason, status.message if status else message, 0
        elif detail.Unpack(retry):
            retry_after_ms = retry.retry_delay.ToMilliseconds()
    return kind(code, message, retry_after_ms=retry_after_ms, stage=stage)


def cause(error: BaseException) -> BaseException:
    """Return the error inside the groups that a TaskGroup wraps around it: a MeshError where there is one, else the
    first.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [cause(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, MeshError)), leaves[0])
