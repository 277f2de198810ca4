"""Parses messages: one that cannot be parsed, or is too large, becomes a value that carries its refusal.

By default gRPC ends a call whose message cannot be parsed as INTERNAL or UNKNOWN, with a traceback in the log. As the
caller is at fault, the value is refused as the caller's error where it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from services.common.errors import InvalidArgument

M = TypeVar("M")
Parse = TypeVar("Parse", bound=Callable[..., Any])
_REFUSING = "refusing"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a message that could not be parsed, with its refusal."""

    refusal: InvalidArgument


def reader(parse: Callable[[bytes], M], most_bytes: int = 0) -> Callable[[bytes], M | Unreadable]:
    """Return a parser of messages of at most `most_bytes`; 0 for as many as gRPC admits.

    A parser that is marked as `refusing` is returned as it is.
    """
    if hasattr(parse, _REFUSING):
        return parse

    def read(message: bytes) -> M | Unreadable:
        if most_bytes and len(message) > most_bytes:
            return too_large(len(message), most_bytes, "request")
        try:
            return parse(message)
        except DecodeError:
            accepted = ["a message of the contract, its text UTF-8"]
            return Unreadable(InvalidArgument("UNREADABLE_MESSAGE", "It cannot be parsed.", "request", accepted))

    return read


def refusing(parse: Parse) -> Parse:
    """Mark a parser that itself returns an Unreadable for what cannot be parsed."""
    setattr(parse, _REFUSING, True)
    return parse


def too_large(size_bytes: int, most_bytes: int, field: str, code: str = "MESSAGE_TOO_LARGE") -> Unreadable:
    """Return the refusal of a message, or of the field that makes it too large."""
    accepted = [f"at most {most_bytes} bytes"]
    return Unreadable(InvalidArgument(code, f"The message has {size_bytes} bytes.", field, accepted))


def readable(message: M | Unreadable) -> M:
    """Return the message, if it could be parsed. Raises InvalidArgument otherwise."""
    if isinstance(message, Unreadable):
        raise message.refusal
    return message
