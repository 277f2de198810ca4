"""Messages on a data channel, cut to the size that the other side takes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

LEAST_BYTES = 512  # a channel that takes less is of no use
_AROUND = 96  # bytes of a part beside its text


def cut(message: str, number: int, most_bytes: int) -> Iterator[str]:
    """Yield a message of JSON as it is, or as `part` messages, whose texts joined are the message.

    `number` tells the parts of one message from those of another. A limit of 0 is none.
    """
    if not most_bytes or len(message.encode()) <= most_bytes:
        yield message
        return
    pieces = list(_pieces(message, most_bytes - _AROUND))
    for index, piece in enumerate(pieces):
        told = {"type": "part", "of": number, "index": index, "count": len(pieces), "text": piece}
        yield json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _pieces(message: str, room: int) -> Iterator[str]:
    begin = size = 0
    for place, character in enumerate(message):
        weight = len(json.dumps(character, ensure_ascii=False).encode()) - 2
        if size + weight > room:
            yield message[begin:place]
            begin, size = place, 0
        size += weight
    yield message[begin:]
