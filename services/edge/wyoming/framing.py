"""Events of Wyoming on a stream of bytes: a line of JSON, then its data, then its payload; bounded in size and time.

The protocol names no limit, and its own reader waits for as many bytes as a header says. Here a header, its data and a
payload may each be only so long, and what a header announced has to come within seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.common.errors import InvalidArgument
from services.edge.fields import as_object, as_text, given
from services.edge.realtime.inputs import parsed

MOST_LINE = 64 * 1024
MOST_DATA = 64 * 1024
MOST_PAYLOAD = 1 << 20  # half a minute of speech at 16 kHz in one event
REST_SECONDS = 10.0  # for an event to come whole, from its first byte on
VERSION = "1.10.2"  # of the package whose events these are


@dataclass(frozen=True, slots=True)
class WyomingEvent:
    """One event: its type, its data, and its bytes."""

    type: str
    data: Mapping[str, object] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        data = json.dumps(self.data).encode() if self.data else b""
        header: dict[str, object] = {"type": self.type, "version": VERSION}
        if data:
            header["data_length"] = len(data)
        if self.payload:
            header["payload_length"] = len(self.payload)
        return b"".join((json.dumps(header).encode(), b"\n", data, self.payload))


async def read_event(reader: asyncio.StreamReader, idle_seconds: float) -> WyomingEvent | None:
    """Return the next event; None at the end of the stream, also within an event.

    Raises InvalidArgument for what is no event or too large, and TimeoutError where none begins in time, or goes on.
    """
    try:
        async with asyncio.timeout(idle_seconds):
            first = await reader.readexactly(1)
        async with asyncio.timeout(REST_SECONDS):
            header = _header(first + await reader.readuntil(b"\n"))
            data = dict(as_object(given(header, "data", {}), "data"))
            if length := _length(header, "data_length", MOST_DATA):
                data |= parsed(_text(await reader.readexactly(length)))  # of two with one name, the later counts
            payload = await reader.readexactly(_length(header, "payload_length", MOST_PAYLOAD))
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise InvalidArgument("MESSAGE_TOO_LARGE", "The header is too long.", "", [f"{MOST_LINE} bytes"]) from None
    return WyomingEvent(as_text(header.get("type"), "type"), data, payload)


def _header(line: bytes) -> Mapping[str, object]:
    header = parsed(_text(line))
    if "type" not in header:
        raise InvalidArgument("FIELD_MISSING", "The header has no type.", "type", ["describe, transcribe ..."])
    return header


def _text(received: bytes) -> str:
    try:
        return received.decode()
    except UnicodeDecodeError:
        raise InvalidArgument("UNREADABLE_MESSAGE", "It is no UTF-8.", "", ["a JSON object"]) from None


def _length(header: Mapping[str, object], name: str, most: int) -> int:
    value = given(header, name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidArgument("MESSAGE_TOO_LARGE", "No event has a length like that.", name, [f"0 to {most}"])
    return value
