"""How large a client's message may be, by what it carries: decided from its first byte, before it is parsed.

Parsing is work for the loop that serves all sessions, so the bounds follow from what each kind may hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

from google.protobuf.message import DecodeError

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.common.server.reading import Unreadable, reader, too_large
from services.gateway.settings import GatewaySettings

RECEIVED_BYTES = 512 * 1024  # of what a client may say it has of a session that it resumes
_REST_BYTES = 16 * 1024  # of all other fields of a message together
_UTF8_BYTES = 4  # of a code point, at most

# The first byte of a message that carries a kind, and what is at fault where that is too large.
_KINDS = {
    0x0A: ("hello", "hello", "MESSAGE_TOO_LARGE"),
    0x12: ("audio", "audio.data", "CHUNK_TOO_LARGE"),
    0x1A: ("text", "text.text", "TEXT_TOO_LONG"),
    0x22: ("control", "control", "MESSAGE_TOO_LARGE"),
}

Inbound: TypeAlias = pb.ClientMessage | Unreadable


@dataclass(frozen=True, slots=True)
class Sizes:
    """The most bytes of each kind of message."""

    hello: int
    audio: int
    text: int
    control: int
    request: int  # of TranslateText

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        """The bounds that follow from a gateway's settings."""
        glossary = settings.max_glossary_bytes + _REST_BYTES
        text = _UTF8_BYTES * settings.max_text_length + _REST_BYTES
        return cls(
            hello=glossary + RECEIVED_BYTES,
            audio=settings.max_chunk_bytes + _REST_BYTES,
            text=text,
            control=glossary,
            request=glossary + text,
        )

    def parse(self, message: bytes) -> Inbound:
        """A client's message from its bytes."""
        first = _KINDS.get(message[0]) if message else None
        if refusal := self._refusal(len(message), first):
            return refusal
        try:
            parsed = pb.ClientMessage.FromString(message)
        except DecodeError:
            accepted = ["a realtime.v1.ClientMessage, its text UTF-8"]
            refused = InvalidArgument("UNREADABLE_MESSAGE", "The message cannot be parsed.", "payload", accepted)
            return Unreadable(refused)
        kind = parsed.WhichOneof("payload")  # the last of several counts, and the first byte tells of the first
        last = next((each for each in _KINDS.values() if each[0] == kind), None)
        return self._refusal(len(message), last) or parsed

    def parse_request(self, message: bytes) -> pb.TranslateTextRequest | Unreadable:
        """A request of TranslateText from its bytes."""
        return reader(pb.TranslateTextRequest.FromString, self.request)(message)

    def _refusal(self, size_bytes: int, kind: tuple[str, str, str] | None) -> Unreadable | None:
        name, field, code = kind or ("hello", "payload", "MESSAGE_TOO_LARGE")
        most = int(getattr(self, name))
        return too_large(size_bytes, most, field, code) if size_bytes > most else None
