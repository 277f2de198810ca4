"""A cancellation that an exception came in place of."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError where the running task was cancelled, although it goes on with an exception instead.

    When a task inside a TaskGroup fails as its parent is cancelled, Python 3.11 raises the failure and drops the
    cancellation; and gRPC raises a call's status in place of a cancellation that came at the same moment. Who handles
    such a failure by trying again would never end. To be called first wherever a failure is handled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
