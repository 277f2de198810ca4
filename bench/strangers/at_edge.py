"""Requests to an edge that should open nothing, written by hand: what a proxy may read otherwise than we do."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.measuring.issuer import token

SOCKETS = ("/v1/realtime", "/v1/realtime/translations", "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000")
TRANSLATE, LANGUAGES = "/v1/translate", "/v1/languages"
_UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_BODY = json.dumps({"text": "a", "source_lang": "en", "target_langs": ["es"]})
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Knock:
    """One request, and the code that it is to be refused by."""

    name: str
    code: str
    where: str
    headers: tuple[str, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """The request as it is sent."""
        body = _BODY if self.where == TRANSLATE else ""
        method = "POST" if body else "GET"
        own = (f"Content-Length: {len(body)}", "Content-Type: application/json") if body else ()
        upgrade = _UPGRADE if self.where.startswith(SOCKETS) else ()
        lines = (f"{method} {self.where} HTTP/1.1", "Host: 127.0.0.1", *upgrade, *own, *self.headers)
        return "\r\n".join(lines) + "\r\n\r\n" + body


def knocks() -> Iterator[Knock]:
    """All of them."""
    now, good = time.time(), token()
    expired = token(iat=now - 700, exp=now - 100)
    shown, late = f"Authorization: Bearer {good}", f"Authorization: Bearer {expired}"
    for where in (*SOCKETS, TRANSLATE, LANGUAGES):
        yield Knock("no token", "TOKEN_MISSING", where, ())
        yield Knock("two headers, a good one first", "TOKEN_TWICE", where, (shown, late))
        yield Knock("two headers, a good one last", "TOKEN_TWICE", where, (late, shown))
        yield Knock("an expired token", "TOKEN_EXPIRED", where, (late,))
        yield Knock("a token of other letters", "UNREADABLE_TOKEN", where, ("Authorization: Bearer t\u00e9",))
        yield Knock("a token of 6 kB", "TOKEN_TOO_LARGE", where, (f"Authorization: Bearer {'a' * 6000}",))
        yield Knock("another scheme", "UNKNOWN_SCHEME", where, ("Authorization: Basic YTpi",))
        yield Knock("the token of a proxy", "TOKEN_MISSING", where, (f"Proxy-Authorization: Bearer {good}",))
        yield Knock("a name with an underscore", "TOKEN_MISSING", where, (f"Authorization_: Bearer {good}",))
        yield Knock("a cookie", "TOKEN_MISSING", where, (f"Cookie: authorization=Bearer {good}",))
    for where in SOCKETS:
        large = f"Authorization: Bearer {'a' * 20_000}"
        yield Knock("a token of 20 kB", "HANDSHAKE_UNREADABLE", where, (large,))
    own, *_ = SOCKETS
    offered = f"Sec-WebSocket-Protocol: babelmesh.v1, babelmesh.bearer.{encoded(good)}"
    yield Knock("a header and a subprotocol", "TOKEN_TWICE", own, (shown, offered))
    yield Knock("two tokens as subprotocols", "TOKEN_TWICE", own, (f"{offered}, babelmesh.bearer.{encoded(expired)}",))
    two = ("Sec-WebSocket-Protocol: babelmesh.v1", f"Sec-WebSocket-Protocol: babelmesh.bearer.{encoded(expired)}")
    yield Knock("a subprotocol in a header of its own", "TOKEN_EXPIRED", own, two)
    yield Knock("a token in the address", "TOKEN_IN_QUERY", f"{own}?access_token={good}", ())
    yield Knock("a page of another origin", "ORIGIN_REFUSED", own, (shown, "Origin: https://elsewhere.example"))
    yield Knock("a length and chunks", "LENGTH_AMBIGUOUS", TRANSLATE, (shown, "Transfer-Encoding: chunked"))


def encoded(made: str) -> str:
    """A token as a subprotocol carries it."""
    return base64.urlsafe_b64encode(made.encode()).rstrip(b"=").decode()


async def asked_of(port: int, knock: Knock) -> tuple[str, str]:
    """Send a request; return the status and the code of its answer, "" for one that opens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(knock.text.encode("latin-1"))
        async with asyncio.timeout(_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            sizes = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
            body = await reader.readexactly(int(sizes[0].partition(":")[2])) if sizes else b""
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        return type(error).__name__, ""
    finally:
        writer.close()
    status = head.split(" ")[1]
    try:
        return status, str(json.loads(body)["title"])
    except (ValueError, KeyError, TypeError):
        return status, ""
