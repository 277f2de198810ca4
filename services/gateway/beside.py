"""What goes on beside a session until it ends, and may end it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable

from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import MeshError, cause
from services.gateway import messages
from services.gateway.messages import ServerMessage
from services.gateway.outbox import Outbox
from services.gateway.running import Life


async def goodbye(life: Life, tell: Callable[[], Awaitable[None]]) -> None:
    """Tells the client once the server is about to stop."""
    await life.leaving.wait()
    await tell()


async def outcome(
    running: Awaitable[MeshError | None],
    outbox: Outbox[ServerMessage],
    beside: Iterable[Coroutine[None, None, None]],
) -> MeshError | None:
    """How a session ended, once the client has read all of it; or the fault that something beside it ended it with."""
    try:
        async with TaskGroup() as tasks:
            watching = [tasks.create_task(each) for each in beside]
            fault = await running
            await outbox.close()
            await outbox.flushed()
            for each in watching:
                each.cancel()
    except ExceptionGroup as group:
        heed_cancellation()
        ended = cause(group)
        if not isinstance(ended, MeshError):
            raise
        await outbox.clear()
        await outbox.close(messages.error(ended, fatal=True))
        return ended
    return fault
