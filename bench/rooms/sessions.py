"""What listeners cost that have a session each, beside which rooms are held."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench.rooms.members import CHUNK_SECONDS, RATE, utterances
from bench.rooms.servers import Hall, cpu_seconds

SESSIONS = 8
LANGS = ("es", "fr", "de", "it")
_WARM_SECONDS = 3.0


async def cpu_of_sessions(held: Hall, seconds: float) -> float:
    """The processor time of one session with captions, in seconds a second: of all processes, by eight of them."""
    async with asyncio.TaskGroup() as tasks:
        talking = [
            tasks.create_task(_talk(held.ports[at % 2], LANGS[at % len(LANGS)], seconds + _WARM_SECONDS))
            for at in range(SESSIONS)
        ]
        await asyncio.sleep(_WARM_SECONDS)
        before = cpu_seconds(held.processes())
        await asyncio.sleep(seconds * 2 / 3)
        used = cpu_seconds(held.processes()) - before
        for each in talking:
            each.cancel()
    return used / (seconds * 2 / 3) / SESSIONS


async def _talk(port: int, lang: str, seconds: float) -> None:
    """Speak in a session of one's own, in real time, and read its captions."""
    pcm = utterances(seconds + 3)
    heard = {"format": "pcm16le", "sample_rate": RATE}
    session = {"source_lang": "en", "targets": [{"lang": lang, "delivery": "captions"}], "input": heard}
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    with suppress(WebSocketException):
        async with connect(url, compression=None, ping_interval=None) as socket, asyncio.TaskGroup() as tasks:
            await socket.send(json.dumps({"type": "hello", "session": session}))
            reading = tasks.create_task(_read(socket))
            began, size = asyncio.get_running_loop().time(), 2 * round(RATE * CHUNK_SECONDS)
            for at in range(0, len(pcm), size):
                await asyncio.sleep(max(0.0, began + at / 2 / RATE - asyncio.get_running_loop().time()))
                await socket.send(pcm[at : at + size])
            reading.cancel()


async def _read(socket: object) -> None:
    async for _ in socket:  # type: ignore[attr-defined]  # a connection
        pass
