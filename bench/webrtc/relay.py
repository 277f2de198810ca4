"""A relay of UDP on this machine that loses and delays packets, in both directions, for one client at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any, cast

from aioice.ice import get_host_addresses

Address = tuple[str | Any, int]
HOST = next(iter(get_host_addresses(use_ipv4=True, use_ipv6=False)), "127.0.0.1")  # ICE takes no loopback for a way


class _Side(asyncio.DatagramProtocol):
    """One of the relay's two sockets: what comes here leaves there, if it is not lost."""

    def __init__(self, draw: Random, loss: float, jitter_ms: float) -> None:
        self.peer: Address | None = None  # who is on this side: known, or the one that sent last
        self.other: _Side | None = None
        self.fixed = False
        self.lost = self.passed = 0
        self._draw, self._loss, self._jitter_ms = draw, loss, jitter_ms
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # that of uvloop is none by its class

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Lose a packet, or send it on a while later."""
        if not self.fixed:
            self.peer = addr
        if self._draw.random() < self._loss:
            self.lost += 1
            return
        self.passed += 1
        assert self.other
        loop = asyncio.get_running_loop()
        loop.call_later(self._draw.uniform(0, self._jitter_ms) / 1000, self.other.send, data)

    def send(self, data: bytes) -> None:
        """Send a packet to whoever is on this side."""
        if self.peer and self._transport and not self._transport.is_closing():
            self._transport.sendto(data, self.peer)


@asynccontextmanager
async def relayed(target: Address, loss: float = 0.0, jitter_ms: float = 0.0, seed: int = 7) -> AsyncIterator[int]:
    """The port of a relay to a target: each packet is lost with a probability, and up to so many milliseconds late."""
    loop, draw = asyncio.get_running_loop(), Random(seed)
    sides = [_Side(draw, loss, jitter_ms) for _ in range(2)]
    near, far = sides
    near.other, far.other = far, near
    far.peer, far.fixed = target, True
    transports = [
        (await loop.create_datagram_endpoint(partial(_same, side), local_addr=(HOST, 0)))[0] for side in sides
    ]
    try:
        yield transports[0].get_extra_info("sockname")[1]
    finally:
        for transport in transports:
            transport.close()


def _same(side: _Side) -> _Side:
    return side


def through(sdp: str, port: int) -> str:
    """Return a description with one candidate instead of its own: the relay's port."""
    lines = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    added = [f"a=candidate:1 1 udp 2130706431 {HOST} {port} typ host", "a=end-of-candidates"]
    told = [[line, *added] if line.startswith("a=mid:") else [line] for line in lines]  # aiortc takes those of the last
    return "\r\n".join([*(line for each in told for line in each), ""])


def without_candidates(sdp: str) -> str:
    """Return a description that tells no way to its side."""
    lines = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=end-of"))]
    return "\r\n".join([*lines, ""])


def port_of(sdp: str) -> int:
    """Return the port of a description's first candidate on this machine's address."""
    found = next(line for line in sdp.splitlines() if line.startswith("a=candidate:") and f" {HOST} " in line)
    return int(found.split()[5])
