"""Clients that speak to an edge by the clock, by WebRTC and over the WebSocket, and note when what came."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCBundlePolicy
from av import AudioFrame
from websockets.asyncio.client import connect

from bench.webrtc.relay import HOST as MEDIA_HOST
from bench.webrtc.relay import port_of, relayed, through, without_candidates
from services.common.cancelling import TaskGroup

Samples = npt.NDArray[np.int16]

HOST = "127.0.0.1"
RATE, FRAME = 48_000, 960
LOUD = 300  # mean level of a frame that is speech
CONFIGURATION = RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


@dataclass(slots=True)
class Came:
    """What a client got: events, each with when it came, and when its voice began to sound."""

    began: float = 0.0  # when its first sample was spoken
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    sounded: list[float] = field(default_factory=list)  # times of frames that are speech
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, text: str) -> None:
        """Note an event."""
        self.events.append((time.monotonic(), json.loads(text)))
        self.news.set()

    def of(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """The events of a kind, with their times."""
        return [each for each in self.events if each[1]["type"] == kind]

    async def until(self, kind: str, count: int, seconds: float) -> None:
        """Wait for so many events of a kind. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.of(kind)) < count:
                self.news.clear()
                await self.news.wait()

    @property
    def text(self) -> str:
        """What was recognized."""
        return " ".join(str(event["text"]) for _, event in self.of("final_asr"))


class Speaker(MediaStreamTrack):
    """Speaks samples of 48 kHz by the clock, and then is silent."""

    kind = "audio"

    def __init__(self, pcm: Samples, came: Came) -> None:
        super().__init__()
        self._pcm, self._came, self._count = pcm, came, 0

    async def recv(self) -> AudioFrame:
        """Return the next frame when it has been spoken."""
        self._came.began = self._came.began or time.monotonic()
        at = self._count * FRAME
        self._count += 1
        await asyncio.sleep(max(0.0, self._came.began + self._count * 0.02 - time.monotonic()))
        part = self._pcm[at : at + FRAME]
        frame = AudioFrame.from_ndarray(
            np.concatenate([part, np.zeros(FRAME - len(part), np.int16)])[None], "s16", "mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        return frame


@dataclass(frozen=True, slots=True)
class Network:
    """What becomes of packets between a client and the edge."""

    loss: float = 0.0
    jitter_ms: float = 0.0


def _posted(port: int, sdp: str, session: dict[str, Any]) -> str:
    body = json.dumps({"sdp": sdp, "session": session}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{HOST}:{port}/v1/realtime/calls", body, headers)
    with urllib.request.urlopen(request) as answer:
        return str(answer.read().decode())


@asynccontextmanager
async def caller(
    port: int, session: dict[str, Any], pcm: Samples, network: Network | None = None
) -> AsyncIterator[Came]:
    """A client by WebRTC that speaks; over a network of its own, where one is given."""
    came, connection = Came(), RTCPeerConnection(CONFIGURATION)
    connection.addTrack(Speaker(pcm, came))
    connection.createDataChannel("babelmesh").on("message", came.take)
    voices: list[MediaStreamTrack] = []
    connection.on("track", voices.append)
    await connection.setLocalDescription(await connection.createOffer())
    ours = connection.localDescription.sdp
    answer = await asyncio.to_thread(_posted, port, without_candidates(ours) if network else ours, session)
    told = network or Network()
    try:
        async with relayed((MEDIA_HOST, port_of(answer)), told.loss, told.jitter_ms) as between, TaskGroup() as tasks:
            sdp = through(answer, between) if network else answer
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
            playing = [tasks.create_task(_played(each, came)) for each in voices]
            yield came
            for each in playing:
                each.cancel()
    finally:
        await connection.close()


async def _played(track: MediaStreamTrack, came: Came) -> None:
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(frame, AudioFrame)
        if float(np.abs(frame.to_ndarray()).mean()) > LOUD:
            came.sounded.append(time.monotonic())


@asynccontextmanager
async def socketed(port: int, session: dict[str, Any], pcm: Samples) -> AsyncIterator[Came]:
    """A client over the WebSocket that speaks in pieces of 40 ms at 16 kHz, binary, and is sent its voice so."""
    came = Came()
    told = {**session, "features": ["partial_results", "vad", "binary_audio"]}
    told["input"] = {"format": "pcm16le", "sample_rate": 16_000}
    url = f"ws://{HOST}:{port}/v1/realtime"
    async with connect(url, compression=None, open_timeout=60, ping_interval=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "hello", "session": told}))

        async def read() -> None:
            async for message in socket:
                if isinstance(message, str):
                    came.take(message)
                elif float(np.abs(np.frombuffer(message, "<i2")).mean()) > LOUD:
                    came.sounded.append(time.monotonic())

        async def speak() -> None:
            samples = pcm[::3]
            came.began = time.monotonic()
            for count in range(1, 1 << 30):
                await asyncio.sleep(max(0.0, came.began + count * 0.04 - time.monotonic()))
                part = samples[(count - 1) * 640 : count * 640]
                await socket.send(np.concatenate([part, np.zeros(640 - len(part), np.int16)]).tobytes())

        async with TaskGroup() as tasks:
            running = [tasks.create_task(read()), tasks.create_task(speak())]
            yield came
            for each in running:
                each.cancel()
