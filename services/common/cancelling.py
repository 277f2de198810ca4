"""Recovers lost cancellations (those replaced by an exception, and those of a call that gRPC takes for ended), and
keeps work that must be done to its end from being cut short by them.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class TaskGroup(asyncio.TaskGroup):
    """A TaskGroup whose failure does not leave its own task marked as cancelled.

    A group whose task fails while the block is left already cancels the task it is in, to end the wait, and before
    Python 3.13 leaves it marked as such (python/cpython#116720): `cancelling` then says so for good.
    """

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the group as asyncio.TaskGroup does, and take back the cancellation that it asked of its own task."""
        inside = asyncio.current_task()
        before = self._parent_cancel_requested  # type: ignore[attr-defined]  # asyncio's own, in all these versions
        try:
            return await super().__aexit__(kind, error, trace)
        finally:
            asked = self._parent_cancel_requested and not before  # type: ignore[attr-defined]  # as above
            if asked and inside is not None and sys.version_info < (3, 13):
                inside.uncancel()


def heed_cancellation() -> None:
    """Raise CancelledError where the running task was cancelled, although it goes on with an exception instead.

    When a task inside a TaskGroup fails as its parent is cancelled, Python 3.11 raises the failure and drops the
    cancellation; and gRPC raises a call's status in place of a cancellation that came at the same moment. Who handles
    such a failure by trying again would never end. To be called first wherever a failure is handled; groups inside are
    to be those of this module.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Do work to its end and return its result; raise a CancelledError that came meanwhile only then.

    A task may be cancelled more than once: a call whose reader leaves by gRPC, and by the TaskGroup in which a write to
    that reader fails. The second cancellation ends `asyncio.shield`, and who waits goes on before the work is done.
    """
    return await _to_its_end(asyncio.gather(work))


async def _to_its_end(working: asyncio.Future[tuple[T]]) -> T:
    try:
        (result,) = await asyncio.shield(working)
    except asyncio.CancelledError:
        if not working.done():
            await _to_its_end(working)
        raise
    return result


class Cancellable(Protocol):
    """The part of a gRPC call that ending it takes."""

    def cancel(self) -> bool:
        """Cancel the call, unless it has ended; return whether it was cancelled."""

    def done(self) -> bool:
        """Return whether the call has ended."""


def end_call(call: Cancellable) -> None:
    """Cancel a call, also one that gRPC takes for ended though it is not.

    A write that failed makes `done` true and `cancel` do nothing, while a task of gRPC's still waits for the call's
    status, which comes behind messages that nobody will read. Only the inner call can be cancelled then, which is
    harmless for one that has really ended.
    """
    if not call.cancel() and (inside := getattr(call, "_cython_call", None)) is not None:
        inside.cancel("its owner has left it")
