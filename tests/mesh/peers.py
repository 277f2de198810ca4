"""Clients by WebRTC, as tests drive them: aiortc on the other side, with audio that comes by a clock."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCBundlePolicy
from av import AudioFrame

from services.common.cancelling import TaskGroup
from services.edge.webrtc.fragments import Fragment, fragment, offer, written
from services.edge.webrtc.ice import Path, Ways, laid
from tests.mesh.edge import Event, edge_port

LOOPBACK = {"ice_addresses": ("127.0.0.1",)}
SAMPLES = 960
CONFIGURATION = RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


class Spoken(MediaStreamTrack):
    """Speaks 16-bit samples of 48 kHz by the clock, then silence. Frames that are `left_out` are not sent."""

    kind = "audio"

    def __init__(self, pcm: np.ndarray[Any, Any], left_out: range = range(0)) -> None:
        super().__init__()
        self._pcm, self._left_out = pcm, left_out
        self._count, self._began = 0, 0.0

    async def recv(self) -> AudioFrame:
        self._began = self._began or time.monotonic()
        while True:
            at = self._count * SAMPLES
            self._count += 1
            await asyncio.sleep(max(0.0, self._began + self._count * 0.02 - time.monotonic()))
            if self._count not in self._left_out:
                break
        part = self._pcm[at : at + SAMPLES]
        samples = np.concatenate([part, np.zeros(SAMPLES - len(part), np.int16)])
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
        return frame


@dataclass(frozen=True)
class Answer:
    """What the edge answered to a request."""

    status: int
    headers: dict[str, str]  # by names in lower case
    text: str

    @property
    def title(self) -> str:
        """The code of a refusal."""
        return str(json.loads(self.text)["title"])


@dataclass
class Client:
    """A connection to an edge, and what came over it."""

    port: int
    connection: RTCPeerConnection
    channel: Any
    path: str
    answer: Answer | None = None
    way: Path | None = None
    events: list[Event] = field(default_factory=list)
    played: list[np.ndarray[Any, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    parts: list[str] = field(default_factory=list)

    def hear(self, message: str) -> None:
        event = json.loads(message)
        if event["type"] == "part":
            self.parts.append(event["text"])
            if len(self.parts) < event["count"]:
                return
            event, self.parts = json.loads("".join(self.parts)), []
        self.events.append(event)
        self.news.set()

    def say(self, event: Event) -> None:
        self.channel.send(json.dumps(event))

    def of(self, kind: str) -> list[Event]:
        return [each for each in self.events if each["type"] == kind]

    async def until(self, kind: str, count: int = 1, seconds: float = 60) -> Event:
        async with asyncio.timeout(seconds):
            while len(self.of(kind)) < count:
                self.news.clear()
                await self.news.wait()
        return self.of(kind)[count - 1]

    async def play(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            self.played.append(frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, 0])

    def loudness(self) -> float:
        """The loudest frame's level that was played."""
        return max((float(np.abs(each).mean()) for each in self.played), default=0.0)

    async def request(self, method: str, content: str = "", **headers: str) -> Answer:
        assert self.answer
        kind = {"Content-Type": "application/trickle-ice-sdpfrag"} if content else {}
        told = {**kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await request(self.port, method, self.answer.headers["location"], content.encode(), told)


async def offered(connection: RTCPeerConnection) -> str:
    await connection.setLocalDescription(await connection.createOffer())
    return connection.localDescription.sdp


def _requested(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read().decode())
    finally:
        connection.close()


async def request(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    return await asyncio.to_thread(_requested, port, method, path, body, headers or {})


async def post(port: int, path: str, sdp: str, session: Event | None, **fields: Any) -> Answer:
    """Ask for a connection: by plain SDP, or by JSON where a session goes with it."""
    if session is None:
        return await request(port, "POST", path, sdp.encode(), {"Content-Type": "application/sdp"})
    told = {"sdp": sdp, "session": session, **fields}
    return await request(port, "POST", path, json.dumps(told).encode(), {"Content-Type": "application/json"})


_WAYS = Ways((), ("127.0.0.1",), 30)


def _laid(connection: RTCPeerConnection) -> Path:
    """A path under a client's connection, which aiortc could not restart otherwise."""
    path = Path(_WAYS)
    path.ice_controlling = True
    laid(path, connection.getTransceivers()[0].receiver.transport.transport)
    return path


@asynccontextmanager
async def client(
    port: int, path: str, session: Event | None = None, track: MediaStreamTrack | None = None, **options: Any
) -> AsyncIterator[Client]:
    """A client that is connected, with a channel for events; with a track it speaks, and it plays what it gets."""
    connection = RTCPeerConnection(options.get("configuration") or CONFIGURATION)
    if track is not None:
        connection.addTrack(track)
    elif options.get("direction"):
        connection.addTransceiver("audio", direction=options["direction"])
    made = Client(port, connection, connection.createDataChannel("babelmesh"), path)
    made.channel.on("message", made.hear)
    if options.get("restarts"):
        made.way = _laid(connection)
    tracks: list[MediaStreamTrack] = []
    connection.on("track", tracks.append)
    try:
        made.answer = await post(port, path, await offered(connection), session)
        assert made.answer.status == 201, made.answer.text
        await connection.setRemoteDescription(RTCSessionDescription(made.answer.text, "answer"))
        if made.way:
            await made.way.hear(offer(made.answer.text).ice)
        async with TaskGroup() as tasks:
            playing = [tasks.create_task(made.play(each)) for each in tracks]
            yield made
            for task in playing:
                task.cancel()
    finally:
        await connection.close()


@asynccontextmanager
async def calls(settings: dict[str, Any] | None = None, **mesh: Any) -> AsyncIterator[int]:
    """The port of an edge that takes connections over loopback."""
    async with edge_port({**LOOPBACK, **(settings or {})}, **mesh) as port:
        yield port


async def holds(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is looked at sets no event
            await asyncio.sleep(0.05)


async def _lost(data: bytes, addr: tuple[str, int]) -> None:
    """Drop a datagram."""


async def restarted(peer: Client) -> None:
    """Lose the way of a client made with `restarts`, and go on over another one a second later, as a browser does."""
    path = peer.way
    assert path
    lost = path._now
    for protocol in lost._protocols:
        protocol.datagram_received = lambda *_: None  # type: ignore[method-assign]  # the network, as it fails
        protocol.send_data = _lost  # type: ignore[method-assign]  # as above
    await asyncio.sleep(1)
    way = _WAYS.connection()
    way.ice_controlling = True
    await way.gather_candidates()
    told = Fragment(way.local_username, way.local_password, tuple(each.to_sdp() for each in way.local_candidates), True)
    answer = await peer.request("PATCH", written(told, ("0", "1")), if_match='"*"')
    assert answer.status == 200, answer.text
    theirs = fragment(answer.text)
    way.remote_username, way.remote_password = theirs.ufrag, theirs.password
    path._newest = way
    await path.hear(theirs)
    await path.move(way)


def at_48_khz(pcm: bytes) -> np.ndarray[Any, Any]:
    """Samples of the scripted mesh's rate at that of WebRTC."""
    return np.repeat(np.frombuffer(pcm, "<i2"), 3)
