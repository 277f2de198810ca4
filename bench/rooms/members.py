"""Members of rooms as measurements drive them: listeners that cost little, and speakers that come back."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

ROOM = "/v1/rooms/hall"
RATE = 16_000
CHUNK_SECONDS = 0.1
AGAIN_SECONDS = 0.2
TEXT, CLOSE = 1, 8
_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Reading(asyncio.Protocol):
    """A WebSocket that is read and hardly ever written: it keeps each text with the moment at which it came."""

    def __init__(self, path: str, first: str) -> None:
        self.came: list[tuple[float, bytes]] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self._greeting = (_HANDSHAKE.format(path=path).encode(), _masked(first))
        self._open = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._greeting[0])

    def data_received(self, data: bytes) -> None:
        """Keep the texts of whole frames."""
        now = time.time()
        data = self._rest + data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head[:16]:
                self.close()
                return
            self._open = True
            assert self.transport is not None
            self.transport.write(self._greeting[1])
        self._rest = self._frames(data, now)

    def _frames(self, data: bytes, now: float) -> bytes:
        at = 0
        while len(data) - at >= 2:
            length, head = data[at + 1] & 0x7F, 2
            if length == 126:
                head, length = 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                head, length = 10, int.from_bytes(data[at + 2 : at + 10], "big")
            if len(data) - at < head + length:
                break
            if data[at] & 0x0F == TEXT:
                self.came.append((now, data[at + head : at + head + length]))
            elif data[at] & 0x0F == CLOSE:
                self.close()
            at += head + length
        return data[at:]

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        assert self.transport is not None
        self.transport.write(_masked(json.dumps(message)))

    def pause(self) -> None:
        """Read nothing until `go_on`."""
        assert self.transport is not None
        self.transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that the connection is over."""
        if not self.over.done():
            self.over.set_result(None)

    def close(self) -> None:
        """Break the connection off."""
        if self.transport is not None:
            self.transport.abort()


def _masked(text: str) -> bytes:
    """A text as a client's frame; the mask is of zeros."""
    data = text.encode()
    long = len(data) > 125
    head = struct.pack("!BBH", 0x81, 0x80 | 126, len(data)) if long else struct.pack("!BB", 0x81, 0x80 | len(data))
    return head + bytes(4) + data


@dataclass
class Listener:
    """A listener that joins again when its connection breaks, with what it has."""

    ports: Sequence[int]
    lang: str
    wish: dict[str, Any] = field(default_factory=dict)
    path: str = ROOM
    came: list[tuple[float, bytes]] = field(default_factory=list)
    reading: Reading | None = None
    joined: int = 0
    receive_bytes: int = 0  # of the kernel's buffer; 0 for its own choice

    async def run(self) -> None:
        """Be in the room until cancelled."""
        turn = 0
        while True:
            try:
                reading = await self._connected(self.ports[turn % len(self.ports)])
            except OSError:
                turn += 1
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self.reading, self.joined = reading, self.joined + 1
            reading.came = self.came
            try:
                await reading.over
            finally:
                reading.close()
            turn += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self, port: int) -> Reading:
        """Join by a new connection. Raises OSError."""
        join = {"type": "join", "lang": self.lang, "received": self.received(), **self.wish}
        connected = socket.socket()
        connected.setblocking(False)
        if self.receive_bytes:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(connected, ("127.0.0.1", port))
            _, reading = await loop.create_connection(lambda: Reading(self.path, json.dumps(join)), sock=connected)
        except BaseException:
            connected.close()
            raise
        return reading

    def events(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """The events of a kind, with when they came."""
        mark = f'"type":"{kind}"'.encode()
        return [(at, json.loads(data)) for at, data in self.came if mark in data[:24]]

    def finals(self) -> list[tuple[float, dict[str, Any]]]:
        """The final captions, with when they came."""
        return [(at, event) for at, event in self.events("segment") if event["final"]]

    def received(self) -> dict[str, int]:
        """By speaker, the last segment whose final came."""
        return {event["speaker"]: event["segment_id"] for _, event in self.finals()}

    def book(self) -> dict[str, list[tuple[int, str]]]:
        """By speaker, the final captions in the order in which they came."""
        found: dict[str, list[tuple[int, str]]] = {}
        for _, event in self.finals():
            found.setdefault(event["speaker"], []).append((event["segment_id"], event["text"]))
        return found


def utterances(seconds: float, speech: float = 2.0, pause: float = 1.0) -> bytes:
    """Audio that the scripted recognizer takes for utterances with pauses between."""
    times = np.arange(round(RATE * speech)) / RATE
    loud = np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes()
    one = loud + bytes(2 * round(RATE * pause))
    return one * max(1, round(seconds / (speech + pause)))


@dataclass
class Speaker:
    """A speaker in real time, who comes back with the newest handle when the connection breaks."""

    ports: Sequence[int]
    pcm: bytes
    tasks: asyncio.TaskGroup
    name: str = ""
    path: str = ROOM
    began: float = 0.0  # of the first sample, by the wall clock
    speaker: str = ""
    handle: str = ""
    resumed: int = 0
    done_ms: int = 0  # audio before it is delivered
    finals: dict[int, str] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _at: int = 0  # the next byte to send

    async def run(self) -> None:
        """Speak to the end of the audio, and wait until all of it is delivered."""
        turn = 0
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                url = f"ws://127.0.0.1:{self.ports[turn % len(self.ports)]}{self.path}"
                async with connect(url, compression=None, open_timeout=5, ping_interval=None, max_size=None) as link:
                    if await self._in(link):
                        return
            turn += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _in(self, link: ClientConnection) -> bool:
        """Be in the room; return whether it is over, and not just the connection."""
        back = {"speaker": self.speaker, "resume_handle": self.handle} if self.handle else {}
        heard = {"format": "pcm16le", "sample_rate": RATE}
        join = {"type": "join", "name": self.name, "source_langs": ["en"], "input": heard, "captions": False, **back}
        await link.send(json.dumps(join))
        sending: asyncio.Task[None] | None = None
        try:
            async for message in link:
                event = json.loads(message)
                if event["type"] == "ready":
                    self._opened(event)
                    sending = self.tasks.create_task(self._send(link))
                elif event["type"] == "ack":
                    self.handle, self.done_ms = event["resume_handle"] or self.handle, event["audio_ms"]
                elif event["type"] == "segment" and event["speaker"] == self.speaker and event["final"]:
                    self.finals[event["segment_id"]] = event["text"]
            return self._at >= len(self.pcm)
        finally:
            if sending is not None:
                sending.cancel()

    def _opened(self, event: dict[str, Any]) -> None:
        self.resumed += bool(self.speaker)
        self.speaker, self.handle = event["speaker"], event["resume_handle"]
        if "resume_offset_ms" in event:
            self._at = min(self._at, 2 * round(event["resume_offset_ms"] * RATE / 1000))
        self.ready.set()

    async def _send(self, link: ClientConnection) -> None:
        """Send the audio as it is spoken, what was sent before at once; then leave."""
        with suppress(WebSocketException):  # who reads meets the same
            await self._sent(link)

    async def _sent(self, link: ClientConnection) -> None:
        size = 2 * round(RATE * CHUNK_SECONDS)
        self.began = self.began or time.time()
        while self._at < len(self.pcm):
            wait = self.began + (self._at + size) / 2 / RATE - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            piece = self.pcm[self._at : self._at + size]
            message = json.dumps({"type": "input_audio", "offset_samples": self._at // 2, "data": _base64(piece)})
            await link.send(message)
            self._at += len(piece)
        await link.send(json.dumps({"type": "leave"}))


def _base64(piece: bytes) -> str:
    return base64.b64encode(piece).decode()


def lateness_ms(listener: Listener, speakers: Sequence[Speaker], since: float = 0.0) -> list[float]:
    """How long after its last word each final caption came, in milliseconds."""
    began = {each.speaker: each.began for each in speakers}
    return [
        1000 * (at - began[event["speaker"]]) - event["end_ms"]
        for at, event in listener.finals()
        if event["speaker"] in began and at >= since
    ]
