"""A member's connection, whatever carries it: asked to leave with its process, and held until either side ends it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from services.common.cancelling import TaskGroup
from services.edge.faults import Fault
from services.edge.rooms.member import Member
from services.edge.rooms.values import sent


@dataclass(slots=True, eq=False)
class Present:
    """A member, as the registry of open connections knows it."""

    member: Member

    def leave(self, milliseconds: int) -> None:
        """Ask the client to go on in another connection within so many milliseconds."""
        self.member.put(sent({"type": "go_away", "time_left_ms": milliseconds}))

    def end(self, fault: Fault) -> None:
        """End the connection with a fault."""
        self.member.end(fault)


async def held(
    reading: Coroutine[Any, Any, None], sending: Coroutine[Any, Any, None], left: type[Exception]
) -> Fault | None:
    """Read and send until sending ends; return the fault that the member has to go with.

    Raises `left` where one of the two has, as the client is gone.
    """
    try:
        async with TaskGroup() as tasks:
            beside = tasks.create_task(reading)
            await sending
            beside.cancel()
    except BaseExceptionGroup as group:
        if group.split((left, Fault))[1] is not None:
            raise
        fault = next((each for each in group.exceptions if isinstance(each, Fault)), None)
        if fault is None:
            raise left from None
        return fault
    return None
