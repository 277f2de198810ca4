"""How much of the edge one client may have: sessions at once, and requests a second."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from services.common.rates import Allowance, Rate
from services.common.retrying import RETRY_MS, jittered
from services.common.server.slots import Slots
from services.edge.faults import Fault
from services.edge.settings import EdgeSettings

_REMEMBERED = 10_000  # clients whose requests are counted; of more, the one not seen for longest starts anew
_BURST_SECONDS = 2


class Clients:
    """The connections and requests of each client, counted under its name; of the first it may have `most`."""

    def __init__(self, settings: EdgeSettings, slots: Slots, most: int) -> None:
        self._slots = slots
        self._most = most or slots.total
        self._rate = Rate(settings.requests_per_second, max(1.0, _BURST_SECONDS * settings.requests_per_second))
        self._sessions: Counter[str] = Counter()
        self._requests: OrderedDict[str, Allowance] = OrderedDict()

    @contextmanager
    def connected(self, name: str) -> Iterator[None]:
        """Hold a slot for a client's session for the block. Raises Fault, or AtCapacity, without one."""
        if self._sessions[name] >= self._most:
            message = f"This client has {self._most} connections like this here, and may have no more."
            raise Fault(429, "TOO_MANY_SESSIONS", message, retry_after_ms=jittered(10 * RETRY_MS))
        with self._slots.taken():
            self._sessions[name] += 1
            try:
                yield
            finally:
                self._sessions[name] -= 1
                if not self._sessions[name]:
                    del self._sessions[name]

    def requested(self, name: str) -> None:
        """Count a client's request. Raises Fault where it makes too many."""
        now = time.monotonic()
        allowance = self._requests.pop(name, None) or Allowance(self._rate, now)
        self._requests[name] = allowance
        if len(self._requests) > _REMEMBERED:
            self._requests.popitem(last=False)
        if wait := allowance.ask(now):
            message = f"A client may make {self._rate.per_second:g} requests a second."
            raise Fault(429, "TOO_MANY_REQUESTS", message, retry_after_ms=max(1, round(1000 * wait)))
