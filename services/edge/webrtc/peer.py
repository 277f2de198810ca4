"""One peer connection: its answer, its tracks and its channel, to its end. Imports aiortc."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import av
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCBundlePolicy

from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument
from services.edge.settings import EdgeSettings
from services.edge.webrtc.fragments import Fragment, Offer, mids, written
from services.edge.webrtc.ice import Path, Ways, laid
from services.edge.webrtc.line import PeerLine
from services.edge.webrtc.microphone import mono
from services.edge.webrtc.reordering import put_in_order
from services.edge.webrtc.servers import Server
from services.edge.webrtc.sound import VoiceTrack

_UNREADABLE = (ValueError, LookupError, AssertionError, AttributeError, TypeError)  # what aiortc has for bad SDP
_REFUSED = (InternalError, InvalidAccessError, InvalidStateError, OperationError)


class Peer:
    """The connection of one client."""

    def __init__(self, offer: Offer, ways: Ways, line: PeerLine, original: bool = False) -> None:
        self.path = Path(ways)
        self._offer = offer
        self._line = line
        self._original = original  # whether the client plays it under the voice
        self._connection = RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._tasks: TaskGroup | None = None
        self._connected = asyncio.Event()
        self._answered = False

    async def answer(self) -> str:
        """Return the answer to the offer, with all candidates. Raises InvalidArgument where it cannot be answered."""
        connection = self._connection
        connection.on("datachannel", self._line.channel.open)
        connection.on("connectionstatechange", self._changed)
        try:
            await connection.setRemoteDescription(RTCSessionDescription(self._offer.sdp, "offer"))
            for transceiver in connection.getTransceivers():
                put_in_order(transceiver.receiver)
            self._lay()
            if self._offer.hears:
                connection.addTrack(VoiceTrack(self._line.voice, self._line.room))
            await connection.setLocalDescription(await connection.createAnswer())
        except (*_UNREADABLE, *_REFUSED) as error:
            raise InvalidArgument("UNREADABLE_SDP", "The offer cannot be answered.", "sdp", ["an offer"]) from error
        self._answered = True
        return connection.localDescription.sdp

    def _lay(self) -> None:
        """Put the path under the connection, whose lines all use one transport."""
        lines = [each.receiver.transport for each in self._connection.getTransceivers()]
        if self._connection.sctp is not None:
            lines.append(self._connection.sctp.transport)
        transport = lines[0].transport
        self.path.ice_controlling = transport._connection.ice_controlling  # aiortc has read it from the offer
        laid(self.path, transport)

    async def run(self, connect_seconds: float) -> None:
        """Keep the connection until it is cancelled; a client that cannot be reached in time is taken for gone."""
        async with TaskGroup() as self._tasks:
            self._tasks.create_task(self.path.hear(self._offer.ice))
            for transceiver in self._connection.getTransceivers() if self._offer.sends else ():
                track = transceiver.receiver.track
                self._tasks.create_task(self._line.microphone.pump(track, MediaStreamError, self._hear))
            try:
                async with asyncio.timeout(connect_seconds):
                    await self._connected.wait()
            except TimeoutError:
                self._line.leave()
            await asyncio.get_running_loop().create_future()

    async def restart(self, told: Fragment, connect_seconds: float) -> str:
        """Go over to another way that a client has begun, and return what answers it."""
        way = await self.path.renew(told)
        if self._tasks is None:
            await way.close()
            raise InvalidArgument("NOT_CONNECTED", "The connection has not begun.", "sdp", ["a connection"])

        async def move() -> None:
            try:
                async with asyncio.timeout(connect_seconds):
                    await self.path.hear(told)
                    await self.path.move(way)
            except TimeoutError:
                await way.close()

        self._tasks.create_task(move())
        return written(self.path.ice, mids(self._connection.localDescription.sdp))

    def leave(self) -> None:
        """End the connection, as its client has asked to."""
        self._line.leave(said=True)

    async def close(self) -> None:
        """Close the connection."""
        try:
            await self._connection.close()
        except AttributeError:
            if self._answered:
                raise  # else it is half made: aiortc closes transports that an offer it could not read has not got
        finally:
            await self.path.close()

    def _hear(self, frame: av.AudioFrame) -> None:
        if self._original and frame.sample_rate == 48_000:
            self._line.voice.hear(mono(frame))

    def _changed(self) -> None:
        if self._connection.connectionState == "connected":
            self._connected.set()
        if self._connection.connectionState in ("failed", "closed"):
            self._line.leave()


def ways(settings: EdgeSettings, own: Iterable[Server]) -> Ways:
    """Return how clients are reached, over servers of the edge's own if need be."""
    asked = tuple(RTCIceServer(each.url, each.username or None, each.credential or None) for each in own)
    return Ways(asked, settings.ice_addresses, settings.peer_grace_ms / 1000)
