"""The connections to one replica: the one that new calls are made on, and those that older calls still use."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc

from services.common.grpc_options import CHANNEL
from services.common.tls.calling import Dial
from services.gateway.stages.calls import Signal, Uses

S = TypeVar("S")
_numbers = itertools.count(1)
_LAST_WORDS_SECONDS = 0.5  # for who made the last call on a connection to have dealt with its end


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to a replica. It is lost once and for all; the replica may come back behind another.

    `died` is set before `lost` where the replica has ended, or says that it is stuck. Where it is not, the replica was
    silent for too long or is cut off, and nobody knows more.
    """

    replica_id: int  # a number for logs: addresses stay out of them
    channel: grpc.aio.Channel
    lost: Signal = field(default_factory=Signal)
    died: asyncio.Event = field(default_factory=asyncio.Event)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    uses: Uses = field(default_factory=Uses)
    stubs: dict[Any, Any] = field(default_factory=dict, repr=False)  # made so far, by their class

    def stub(self, of: Callable[[grpc.aio.Channel], S]) -> S:
        """The stub of a service over this connection; it is made once."""
        if of not in self.stubs:
            self.stubs[of] = of(self.channel)
        stub: S = self.stubs[of]
        return stub


@dataclass(frozen=True, slots=True)
class ReplicaPlace:
    """Where a replica is, and what it is called in logs, which hold no addresses."""

    stage: str
    address: str
    name: str = ""  # that its certificate has to hold, where it is called by TLS
    dial: Dial = field(default_factory=Dial)
    replica_id: int = field(default_factory=lambda: next(_numbers))

    def connect(self) -> Link:
        """A connection of its own: channels with the same options to the same address would share one."""
        uses = Uses(self.dial.outdated)
        return Link(self.replica_id, self.dial.channel(self.address, self.name, CHANNEL), uses=uses)


class Links:
    """The connection in use, the next one once the replica has answered over it, and those that were replaced.

    A connection is replaced where its certificates were. Calls on it go on: it is closed when the last has ended.
    """

    def __init__(self, place: ReplicaPlace) -> None:
        self.current = place.connect()
        self.next: Link | None = None
        self._place = place
        self._replaced: list[Link] = []

    def __iter__(self) -> Iterator[Link]:
        """Return all that calls are made on."""
        return iter((self.current, *self._replaced))

    def reopen(self) -> None:
        """Go on over the next connection, or a new one where there is none: the one in use is lost."""
        self.current, self.next = self.next or self._place.connect(), None

    def replace(self) -> Link:
        """Go on over the next connection, which there has to be; return the one before, for `close_unused`."""
        assert self.next
        before, self.current, self.next = self.current, self.next, None
        self._replaced.append(before)
        return before

    async def close_unused(self, replaced: Link) -> None:
        """Close a connection that was replaced once no call is made on it any more.

        It is not lost then: who made the last call may still wait for that, while the end of the call is dealt with.
        """
        await replaced.uses.none.wait()
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        self._replaced.remove(replaced)
        await replaced.channel.close()

    async def close(self) -> None:
        """Close all connections, under those who still call: `lost` has them leave before."""
        for link in (*self, *((self.next,) if self.next else ())):
            link.lost.set()
            await link.channel.close()
