"""Faults on the wire: `google.rpc` statuses, with details, and back.

`services.common.server.door` is the one place that turns faults into statuses, with an ErrorInfo always. On the
gateway's side `from_rpc_error` turns a stage's status back into the same tree.
"""

from __future__ import annotations

import re

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.common.errors import KINDS, OWN_QUOTA, AtCapacity, MeshError, StageFailed, TooSlow

DOMAIN = "babelmesh"
_MOST_BYTES = 900  # of a status's message: it travels three times, in metadata of 8 KiB, and some bytes as three
_MOST_FIELD = 256  # characters of the path of a field
# The end of a message as errors are told: what is accepted, whether more is, and whether the message was cut.
_ACCEPTED = re.compile(r" Accepted: (?P<values>.+?)(?: and \d+ more)?(?:\.|(?P<cut>\u2026))$", re.DOTALL)


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
    if error.retry_after_ms is not None:
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
    """Return the MeshError behind a failed call to `stage`, with the field at fault and what that accepts.

    A status without our details is the transport's, whatever its code: StageFailed, or TooSlow past a deadline. So is
    INTERNAL, which is what is left of a status that crossed a write (grpc/grpc#36066).
    """
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads code, details and trailers, which both have
    found = _of_transport(error, stage)
    for detail in status.details if status else ():
        info, retry, bad = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            kind = {each.status: each for each in KINDS}.get(error.code().value[0], StageFailed)
            found = kind(info.reason, status.message if status else found.message, stage=stage)
        elif detail.Unpack(retry):
            found.retry_after_ms = retry.retry_delay.ToMilliseconds()
        elif detail.Unpack(bad):
            found.field = next((each.field for each in bad.field_violations), "")
    found.message = found.message.removeprefix(f"{found.field}: ")
    if listed := _ACCEPTED.search(found.message):
        values = listed["values"].split(", ")
        found.accepted = values[:-1] if listed["cut"] else values
        found.message = found.message[: listed.start()]
    return found


def _of_transport(error: grpc.aio.AioRpcError, stage: str) -> MeshError:
    """Return the error of a call whose status no server of ours wrote."""
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"The {stage} stage did not answer in time."
        return TooSlow(f"{stage}_TOO_SLOW", message, retry_after_ms=1000, stage=stage)
    message = f"The {stage} stage could not be reached."
    return StageFailed(f"{stage}_UNAVAILABLE", message, retry_after_ms=1000, stage=stage)
