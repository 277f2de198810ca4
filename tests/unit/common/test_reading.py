"""Messages that cannot be parsed become values that carry their refusal."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from services.common.server.reading import Unreadable, reader, refusing


def parse(message: bytes) -> str:
    if message == b"bad":
        raise DecodeError
    return message.decode()


def test_a_parser_that_fails_is_made_to_refuse() -> None:
    read = reader(parse, most_bytes=4)
    assert read(b"good") == "good"
    for message in (b"bad", b"too large"):
        assert isinstance(read(message), Unreadable)


def test_a_parser_that_refuses_by_itself_is_left_alone() -> None:
    own = refusing(lambda message: message.decode())
    assert reader(own) is own
