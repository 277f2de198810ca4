"""The way of a client's datagrams, which may change under a connection that goes on. Imports aiortc.

aiortc knows no ICE restart: keys, streams and channels end with the first way. What stands here takes the place of its
ICE connection, and when a client restarts ICE goes on over another one. A way that is lost is waited for; meanwhile
what is sent is lost, as on any bad network, and comes again where the layer above sends it again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aioice import Candidate, Connection, ConnectionClosed
from aiortc import RTCIceServer
from aiortc.rtcicetransport import RTCIceTransport, connection_kwargs

from services.common.errors import InvalidArgument
from services.edge.webrtc.fragments import MOST_CANDIDATES, Fragment

_MOST_CANDIDATES = 2 * MOST_CANDIDATES


@dataclass(frozen=True, slots=True)
class Ways:
    """How ways are found: over which servers and addresses, and how long a lost one is waited for."""

    servers: tuple[RTCIceServer, ...] = ()
    addresses: tuple[str, ...] = ()  # of this machine, which are told to clients; none: all but loopback
    grace_seconds: float = 10.0

    def connection(self) -> Connection:
        """Return a connection that has not begun."""
        return _Connection(self.addresses, **connection_kwargs(list(self.servers)))


class _Connection(Connection):
    """A connection of ICE, over addresses that are told."""

    def __init__(self, addresses: tuple[str, ...], **options: object) -> None:
        super().__init__(ice_controlling=False, **options)  # type: ignore[arg-type]  # aiortc's own, by its names
        self._told = addresses

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        """Return candidates on the addresses that are told, where there are any."""
        return await super().get_component_candidates(component, list(self._told) or addresses, timeout)


class Path:
    """What aiortc takes for its ICE connection: the way of now, and the one that may follow it."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._now = ways.connection()
        self._newest = self._now
        self._moved = asyncio.Event()
        self._ended: asyncio.Future[ConnectionClosed] = asyncio.get_running_loop().create_future()

    @property
    def ice(self) -> Fragment:
        """What the newest way tells a client: its credentials, and its candidates once they are gathered."""
        found = tuple(each.to_sdp() for each in self._newest.local_candidates)
        return Fragment(self._newest.local_username, self._newest.local_password, found, True)

    @property
    def remote_ufrag(self) -> str:
        """The client's name on the newest way."""
        return self._newest.remote_username or ""

    async def hear(self, told: Fragment) -> None:
        """Take a client's candidates for the newest way; one that cannot be read is left out.

        That there are no more is not passed on: a client whose candidates lead nowhere may still come by itself.
        Raises InvalidArgument for more than a way may have.
        """
        way = self._newest
        if len(way.remote_candidates) + len(told.candidates) > _MOST_CANDIDATES:
            accepted = [f"{_MOST_CANDIDATES} of a way, on the whole"]
            raise InvalidArgument("TOO_MANY_CANDIDATES", "There are too many candidates.", "sdp", accepted)
        for each in told.candidates:
            try:
                candidate = Candidate.from_sdp(each)
            except ValueError:
                continue
            await way.add_remote_candidate(candidate)

    async def renew(self, told: Fragment) -> Connection:
        """Prepare another way to a client that has restarted ICE; `move` takes it."""
        way = self._ways.connection()
        way.ice_controlling = self._now.ice_controlling
        way.remote_is_lite = self._now.remote_is_lite
        way.remote_username, way.remote_password = told.ufrag, told.password
        await way.gather_candidates()
        before, self._newest = self._newest, way
        if before is not self._now:
            await before.close()
        return way

    async def move(self, way: Connection) -> None:
        """Go over to another way once it leads to the client; one that does not is given up."""
        try:
            await way.connect()
        except ConnectionError:
            await way.close()
            return
        if self._ended.done() or way is not self._newest:
            await way.close()
            return
        before, self._now = self._now, way
        self._moved.set()
        await before.close()

    # What follows is called by aiortc.

    async def recv(self) -> bytes:
        """Return the next datagram. Raises ConnectionError where the way is lost, and none follows in time."""
        while True:
            way = self._now
            try:
                return await way.recv()
            except ConnectionError:
                if self._ended.done():
                    raise
            if way is self._now:
                await self._another(way)

    async def _another(self, lost: Connection) -> None:
        try:
            async with asyncio.timeout(self._ways.grace_seconds):
                while self._now is lost:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise ConnectionError("The way is lost, and no other was found.") from None

    async def send(self, data: bytes) -> None:
        """Send a datagram, as long as there is a way."""
        try:
            await self._now.send(data)
        except ConnectionError:
            if self._ended.done():
                raise

    async def get_event(self) -> ConnectionClosed:
        """Wait for the end of all ways."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End all ways."""
        if not self._ended.done():
            self._ended.set_result(ConnectionClosed())
        self._moved.set()
        for way in {self._now, self._newest}:
            await way.close()

    async def gather_candidates(self) -> None:
        """Find the addresses of the first way."""
        await self._now.gather_candidates()

    async def connect(self) -> None:
        """Find the first way. Raises ConnectionError where there is none."""
        await self._now.connect()

    async def add_remote_candidate(self, candidate: Candidate | None) -> None:
        """Do nothing: candidates come by `hear`."""

    @property
    def local_candidates(self) -> list[Candidate]:
        """The addresses of the first way."""
        return self._now.local_candidates

    @property
    def remote_candidates(self) -> list[Candidate]:
        """The client's addresses."""
        return self._now.remote_candidates

    @property
    def local_username(self) -> str:
        """The name of this side."""
        return self._now.local_username

    @property
    def local_password(self) -> str:
        """The password of this side."""
        return self._now.local_password

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("remote_username", "remote_password", "remote_is_lite"):
            setattr(self._now, name, value)
        else:
            object.__setattr__(self, name, value)

    @property
    def ice_controlling(self) -> bool:
        """Whether this side leads."""
        return self._now.ice_controlling

    @ice_controlling.setter
    def ice_controlling(self, leads: bool) -> None:
        self._now.ice_controlling = leads


def laid(path: Path, transport: RTCIceTransport) -> None:
    """Put a path in the place of a transport's own connection, before that has begun."""
    transport.iceGatherer._connection = path  # type: ignore[assignment]  # it has all that aiortc calls
    transport._connection = path  # type: ignore[assignment]  # as above
    transport._recv, transport._send = path.recv, path.send
