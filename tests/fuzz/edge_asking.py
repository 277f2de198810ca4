"""Asks an edge by HTTP what strangers may ask, and says what of its answers should not have been."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.fuzz.edge_requests import KEY, LOCATION, SESSION, TAG, Request
from tests.fuzz.playing import Oddity

ANSWER_SECONDS = 60.0  # until an answer has begun: a machine may be busy
MOST_BYTES = 1 << 20


@dataclass(slots=True)
class Asking:
    """The requests of one sequence: later ones name what earlier ones got."""

    port: int
    count: Callable[[object], None]
    viewing: Mapping[str, str] = field(default_factory=dict)  # the newest `ready.viewing`
    got: Mapping[str, str] = field(default_factory=dict)  # the headers of the newest answer that made something

    async def ask(self, request: Request) -> list[Oddity]:
        """Ask once; return what was wrong."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            return [Oddity(f"http: it could not be connected: {type(error).__name__}", str(error))]
        try:
            writer.write(self._written(request))
            status, headers = await asyncio.wait_for(_head(reader), ANSWER_SECONDS)
            body = b""
            with suppress(TimeoutError):
                async with asyncio.timeout(request.seconds):
                    body = await reader.read(MOST_BYTES)
        except TimeoutError:
            return [Oddity("http: no answer began", request.path)]
        except (OSError, asyncio.IncompleteReadError):  # a body that is too large may not be read to its end
            return []
        finally:
            writer.transport.abort()
        self.count(status)
        if status == 201:
            self.got = headers
        return list(_wrong(request, status, headers, body))

    def _written(self, request: Request) -> bytes:
        told = {
            LOCATION: self.got.get("location", "/v1/realtime/calls/none"),
            TAG: self.got.get("etag", '"none"'),
            SESSION: self.viewing.get("path", "///none").split("/")[3],
            KEY: self.viewing.get("key", "none"),
        }

        def named(text: str) -> str:
            for name, value in told.items():
                text = text.replace(name, value)
            return text

        headers = [*request.headers, ("Host", "127.0.0.1"), ("Content-Length", str(len(request.body)))]
        lines = [
            f"{request.method} {named(request.path)} HTTP/1.1",
            *(f"{name}: {named(value)}" for name, value in headers),
        ]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + request.body


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read an answer up to its body; return its status and its headers."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    return int(head[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


def misrefused(status: int, body: bytes) -> str:
    """Say what is wrong with a refusal; empty for nothing."""
    if status >= 500 and status not in (501, 503, 504):
        return f"it was refused with {status}"
    try:
        json.loads(body)["title"]
    except (ValueError, KeyError, TypeError):
        return "a refusal is no problem details"
    return ""


def _wrong(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> list[Oddity]:
    about = f"{status} {request.method} {request.path[:100]}: {body[:300]!r}"
    if status < 400:
        return []
    if (body or status >= 500) and (complaint := misrefused(status, body)):  # a body may not have come in time
        return [Oddity(f"http: {complaint}", about)]
    if "problem+json" not in headers.get("content-type", ""):
        return [Oddity("http: a refusal has another type than problem details", about)]
    return []
