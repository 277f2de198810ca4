"""How long a token lets a listener stay in a room: to its end, and a grace behind it, as long as a session would last.

A speaker's session is ended by the gateway. A listener has none: here its token is shown to the gateway again, which
alone can say whether it holds.
"""

from __future__ import annotations

import asyncio
import time

from services.edge.faults import Fault
from services.edge.upstream import Caller, Gateway

_REFUSED = (401, 403)  # statuses: the gateway has looked at the token, and takes it no longer


async def refused(gateway: Gateway, caller: Caller, expires: float, grace_seconds: float) -> Fault:
    """Wait until a token has expired, its grace is over, and the gateway refuses it; return the refusal.

    `expires` is in seconds of Unix time. A gateway that is away, or that takes the token still, is asked again.
    """
    wait_seconds = max(0.0, expires - time.time()) + grace_seconds
    while True:
        await asyncio.sleep(wait_seconds)
        try:
            await gateway.admit(caller)
        except Fault as fault:
            if fault.status in _REFUSED:
                return fault
        wait_seconds = max(1.0, grace_seconds)
