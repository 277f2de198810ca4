"""The errors of the mesh. Pure.

    MeshError
    ├── InvalidArgument   a field holds what it may not       INVALID_ARGUMENT, BadRequest
    ├── Unsupported       a field asks for what is not built  UNIMPLEMENTED, BadRequest
    ├── Unauthenticated   nobody knows who the caller is      UNAUTHENTICATED, BadRequest
    ├── Forbidden         the caller may not do that          PERMISSION_DENIED, BadRequest
    ├── AtCapacity        no slot is free                     RESOURCE_EXHAUSTED, RetryInfo, QuotaFailure
    ├── StageFailed       an engine or a stage broke          UNAVAILABLE, RetryInfo
    ├── TooSlow           a deadline passed                   DEADLINE_EXCEEDED, RetryInfo
    ├── Superseded        another call goes on with it        ABORTED
    └── Defect            our own fault                       INTERNAL

Code raises these. `services.common.statuses` has their form on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.rpc import code_pb2

# Refusals for what the caller takes itself: more replicas would not help it.
OWN_QUOTA = frozenset({"SHARE_USED", "TENANT_LIMIT", "TOO_MANY_CALLS", "TOO_MANY_STREAMS"})
MOST_QUOTED = 64  # characters of what a caller sent that a message shows: a status must arrive whole
_MOST_LISTED = 500  # characters of what is accepted that a status lists; the session's own error lists all


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
    retry_after_ms: int | None = None  # 0: retry at once; None: a retry fails again
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


class Unauthenticated(MeshError):
    """The caller shows no token, or one that proves nothing."""

    status = code_pb2.UNAUTHENTICATED


class Forbidden(MeshError):
    """The caller's token does not grant what was asked for; `accepted` lists what it would have to grant, or grants."""

    status = code_pb2.PERMISSION_DENIED


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
    Unauthenticated,
    Forbidden,
    AtCapacity,
    StageFailed,
    TooSlow,
    Superseded,
    Defect,
)


def cause(error: BaseException) -> BaseException:
    """Return the error inside the groups that a TaskGroup wraps around it: a MeshError where there is one, else the
    first.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [cause(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, MeshError)), leaves[0])
