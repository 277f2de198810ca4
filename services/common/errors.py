"""The faults of the mesh. Pure.

    MeshError
    ├── InvalidArgument   a field holds what it may not       INVALID_ARGUMENT, BadRequest
    ├── Unsupported       a field asks for what is not built  UNIMPLEMENTED, BadRequest
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
    """Text that a caller sent, as a message may show it: in quotes, escaped, and not more of it than 64 characters."""
    if len(sent) <= MOST_QUOTED:
        return repr(sent)
    return f"{sent[:MOST_QUOTED]!r} and {len(sent) - MOST_QUOTED} more"


@dataclass(eq=False)
class MeshError(Exception):
    """A fault with a name. `code` is UPPER_SNAKE, `message` is a sentence a person can act on."""

    code: str
    message: str
    field: str = ""  # the field at fault, as a path: "hello.targets[1].voice"
    accepted: Sequence[str] = ()  # what that field accepts
    retry_after_ms: int = 0  # 0: another try makes no sense
    stage: str = ""  # "ASR", "MT" or "TTS" when a stage is at fault
    status = code_pb2.INTERNAL

    def __str__(self) -> str:
        """The fault in a sentence or two. What is accepted is cut short where it would not fit into a status."""
        accepted = f" Accepted: {_listed(self.accepted)}." if self.accepted else ""
        return f"{self.field + ': ' if self.field else ''}{self.message}{accepted}"


def _listed(values: Sequence[str]) -> str:
    """Values with commas between, as many as there is room for, and how many more there are."""
    kept, room = 0, _MOST_LISTED
    for value in values:
        room -= len(value) + 2
        if room < 0:
            break
        kept += 1
    left = len(values) - kept
    return ", ".join(values[:kept]) + (f" and {left} more" if left else "")


class InvalidArgument(MeshError):
    """The caller sent what it may not: `field` and `accepted` tell what it may."""

    status = code_pb2.INVALID_ARGUMENT


class Unsupported(MeshError):
    """The caller asked for what the contract has and this server has not."""

    status = code_pb2.UNIMPLEMENTED


class AtCapacity(MeshError):
    """No slot is free; `retry_after_ms` says when to ask again."""

    status = code_pb2.RESOURCE_EXHAUSTED


class StageFailed(MeshError):
    """An engine or a stage broke while it worked, or cannot be reached."""

    status = code_pb2.UNAVAILABLE


class TooSlow(MeshError):
    """Something was not done, sent or read within its time."""

    status = code_pb2.DEADLINE_EXCEEDED


class Superseded(MeshError):
    """The work goes on in another call; trying again would end that one."""

    status = code_pb2.ABORTED


class Defect(MeshError):
    """Our own fault: what was not foreseen."""

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


def cause(error: BaseException) -> BaseException:
    """The fault inside the groups a TaskGroup wraps around it: a MeshError where there is one, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [cause(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, MeshError)), leaves[0])
