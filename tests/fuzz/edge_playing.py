"""Plays sequences at an edge, and says what of their connections should not have been."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.protocol import State
from websockets.typing import Subprotocol

from tests.fuzz.edge_asking import Asking, misrefused
from tests.fuzz.edge_sequences import HANDLE, Connection, EdgeSequence
from tests.fuzz.playing import Fault, Oddity

OPEN_SECONDS = 60.0  # for a connection to be entered: a machine may be busy
END_SECONDS = 60.0  # from the last that is sent to the end of a connection, at most
SENDING_SECONDS = 20.0  # a client that is held goes on to its ending
DEAF_SECONDS = 4.0
OWN_CODES = frozenset({1000, 1001, 1002, 1007, 1009, 1012, *range(4000, 4502)}) - {4500}
CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
NEVER = ("DEFECT", "INTERNAL", "UNKNOWN")
GONE = (websockets.ConnectionClosed, OSError)


@dataclass(slots=True)
class EdgePlayer:
    """Plays at one edge, over WebSocket and, where its protocol is Wyoming, over TCP."""

    port: int
    wyoming: int
    end_seconds: float = END_SECONDS
    codes: dict[str, int] = field(default_factory=dict)  # how often each answer came

    async def play(self, each: EdgeSequence) -> list[Fault]:
        """Play a sequence; return what was wrong."""
        found: list[Oddity] = []
        handle, asking = "", Asking(self.port, self.count)
        for connection in each.connections:
            one = _Playing(connection, handle, self, asking)
            found += await one.play()
            handle = one.handle or handle
        return [Fault(range(each.number, each.number + 1), one.kind, one.about) for one in found]

    def count(self, answer: object) -> None:
        """Count an answer."""
        self.codes[str(answer)] = self.codes.get(str(answer), 0) + 1


@dataclass(slots=True)
class _Playing:
    """One connection."""

    asked: Connection
    handle: str  # the newest that came
    player: EdgePlayer
    asking: Asking
    wrong: list[Oddity] = field(default_factory=list)

    async def play(self) -> list[Oddity]:
        try:
            if self.asked.protocol == "wyoming":
                await self._over_tcp()
            elif self.asked.protocol == "http":
                await self._by_http()
            else:
                await self._over_websocket()
        except websockets.InvalidStatus as refused:
            self._refused(refused.response)
        except websockets.InvalidHandshake as error:
            if not self.asked.protocols:  # else none of those offered came back, which is right
                self._add(f"the handshake failed with {type(error).__name__}", str(error))
        except TimeoutError:
            self._add("the connection never ended", "")
        except OSError as error:
            self._add(f"it could not be connected: {type(error).__name__}", str(error))
        return self.wrong

    async def _over_websocket(self) -> None:
        asked = self.asked
        offered = [Subprotocol(each) for each in asked.protocols] or None
        url = f"ws://127.0.0.1:{self.player.port}{asked.path}"
        opening = websockets.connect(
            url, subprotocols=offered, max_size=None, close_timeout=2, open_timeout=OPEN_SECONDS, ping_interval=None
        )
        async with opening as socket:
            reading = asyncio.ensure_future(self._read(socket)) if asked.ending != "deaf" else None
            try:
                whole = await _within(self._send(socket.send))
                await self._by_http()
                with suppress(*GONE):
                    whole = await self._end(socket) and whole
                if reading and whole:
                    await asyncio.wait_for(reading, self.player.end_seconds)
            finally:
                if reading:
                    reading.cancel()
                socket.transport.abort()

    async def _by_http(self) -> None:
        for each in self.asked.asked:
            self.wrong += await self.asking.ask(each)

    async def _send(self, send: Callable[[Any], Awaitable[object]]) -> None:
        with suppress(*GONE):
            for each in self.asked.sent:
                told = each.replace(HANDLE, self.handle) if isinstance(each, str) else each
                await send(told)

    async def _end(self, socket: ClientConnection) -> bool:
        """Leave as it is asked; return whether the server may be waited for."""
        asked = self.asked
        if asked.raw and socket.state is State.OPEN:
            socket.transport.write(asked.raw)
        await asyncio.sleep(DEAF_SECONDS if asked.ending == "deaf" else asked.pause_seconds)
        match asked.ending:
            case "wait":
                return await _within(socket.send(asked.last)) if asked.last else True
            case "close":
                await socket.close()
            case _:
                socket.transport.abort()
        return True

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                if isinstance(message, str):
                    self._event(json.loads(message))
        except websockets.ConnectionClosed:
            pass
        code = socket.close_code
        self.player.count(code)
        if self.asked.ending == "wait" and not self.asked.raw and code not in OWN_CODES:
            self._add(f"it was closed with {code}", "")

    def _event(self, event: Any) -> None:
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            self._add("an event has no type", str(event)[:200])
            return
        if "resume_handle" in event:
            self.handle = event["resume_handle"] or self.handle
        self.asking.viewing = event.get("viewing") or self.asking.viewing
        if event["type"] not in ("error", "Error"):
            return
        told = event.get("error", event)
        self._code(told.get("code") or told.get("variant"), json.dumps(event))

    def _code(self, code: object, about: str) -> None:
        self.player.count(code)
        if not isinstance(code, str) or not CODE.fullmatch(code) or code in NEVER:
            self._add(f"an error has the code {code}", about[:300])

    def _refused(self, response: Any) -> None:
        self.player.count(response.status_code)
        if complaint := misrefused(response.status_code, response.body or b""):
            self._add(complaint, str(response.body)[:200])

    async def _over_tcp(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.player.wyoming)
        reading = asyncio.ensure_future(self._read_lines(reader))
        try:

            async def send(sent: bytes | str) -> None:
                writer.write(sent.encode() if isinstance(sent, str) else sent)
                await writer.drain()

            whole = await _within(self._send(send))
            await asyncio.sleep(self.asked.pause_seconds)
            if whole and self.asked.ending == "wait":
                with suppress(*GONE):
                    await send(self.asked.last)
                    writer.write_eof()
                await asyncio.wait_for(reading, self.player.end_seconds)
        finally:
            reading.cancel()
            writer.transport.abort()

    async def _read_lines(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                header = json.loads(line)
                data = json.loads(await reader.readexactly(header.get("data_length", 0)) or b"{}")
                await reader.readexactly(header.get("payload_length", 0))
                if header["type"] == "error":
                    self._code(data.get("code"), line.decode())

    def _add(self, kind: str, about: str) -> None:
        self.wrong.append(Oddity(f"{self.asked.protocol}: {kind}", about))


async def _within(sending: Awaitable[object]) -> bool:
    """Send for so long; return whether it was all: the server may hold a client that sends more than it is to."""
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await sending
    except TimeoutError:
        return False
    except GONE:
        return True
    return True
