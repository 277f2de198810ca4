"""Whether messages of other edges can be what an edge says: in shape, in size, and in their languages. Pure.

Whoever may publish at the NATS server may speak in every room; but nothing that is published there ends a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.text.languages import MAX_TAG_LENGTH, written

M = TypeVar("M", bound=Message)
NAME = re.compile(r"[0-9a-f]{12}")  # of edges, and of members
KEY = re.compile(r"[0-9a-f]{24}")  # of rooms
_LARGEST = 1 << 53  # of numbers, which are counted on from
_MOST_WANTS = 1000
_LANGS, _BEHIND = ("lang", "langs"), ("_lang", "_langs")  # what fields of languages are called, or end with


def parsed(kind: type[M], packed: bytes) -> M | None:
    """Return a message; None where the bytes are none."""
    try:
        return kind.FromString(packed)
    except DecodeError:
        return None


def read_post(packed: bytes) -> mesh.Post | None:
    """Return a message of another edge; None where no edge has sent it."""
    post = parsed(mesh.Post, packed)
    if post is None or not NAME.fullmatch(post.edge) or not _sound(post) or len(post.beat.wants) > _MOST_WANTS:
        return None
    if (post.speaker or post.said or post.HasField("state")) and not NAME.fullmatch(post.speaker):
        return None
    if post.HasField("said"):
        said = parsed(pb.ServerMessage, post.said)
        if said is None or not _sound(said):
            return None
    return post


def _sound(message: Message) -> bool:
    """Return whether all numbers of a message can be counted on from, and all its languages are tags."""
    for field, value in message.ListFields():
        keyed = isinstance(value, Mapping)
        if keyed and not all(map(_is_tag, value)):  # the keys of every map are languages
            return False
        lang = not keyed and (field.name in _LANGS or field.name.endswith(_BEHIND))
        if not all(_fits(each, lang) for each in _values(field, value)):
            return False
    return True


def _fits(value: object, lang: bool) -> bool:
    if isinstance(value, Message):
        return _sound(value)
    if isinstance(value, int):
        return -_LARGEST < value < _LARGEST
    return not lang or not isinstance(value, str) or _is_tag(value)


def _values(field: FieldDescriptor, value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif field.is_repeated:
        assert not isinstance(value, str | bytes)
        yield from value  # type: ignore[misc]  # a repeated field's container
    else:
        yield value


def _is_tag(text: str) -> bool:
    return text in ("", "auto") or (len(text) <= MAX_TAG_LENGTH and bool(written(text)))
