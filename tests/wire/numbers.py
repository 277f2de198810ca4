"""Every number that a client may send, found by reflection over the contract, and the extremes of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_FLOATS = (0.0, -1.0, math.nan, math.inf, -math.inf, 3.4e38, -3.4e38)
_SIGNED_32, _SIGNED_64 = (0, -1, 2**31 - 1, -(2**31)), (0, -1, 2**40, 2**63 - 1, -(2**63))
_EXTREMES: dict[int, tuple[float, ...]] = {
    FieldDescriptor.CPPTYPE_FLOAT: _FLOATS,
    FieldDescriptor.CPPTYPE_DOUBLE: _FLOATS,
    FieldDescriptor.CPPTYPE_INT32: _SIGNED_32,
    FieldDescriptor.CPPTYPE_ENUM: _SIGNED_32,
    FieldDescriptor.CPPTYPE_INT64: _SIGNED_64,
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**40, 2**62, 2**64 - 1),
}


def number_fields(message: Descriptor) -> Iterator[str]:
    """The paths of the numbers in a message and in those inside it."""
    for field in message.fields:
        if field.message_type is None:
            if field.cpp_type in _EXTREMES:
                yield field.name
        elif not field.message_type.GetOptions().map_entry:
            yield from (f"{field.name}.{path}" for path in number_fields(field.message_type))


def extreme(message: M, path: str) -> Iterator[tuple[float, M]]:
    """The message with each extreme in one of its fields; of a repeated one, in the first."""
    last = path.rsplit(".", 1)[-1]
    for value in _EXTREMES[_at(message, path).DESCRIPTOR.fields_by_name[last].cpp_type]:
        changed = type(message)()
        changed.CopyFrom(message)
        setattr(_at(changed, path), last, value)
        yield value, changed


def _at(message: Message, path: str) -> Message:
    """The message that holds the last field of a path, made where there is none."""
    for name in path.split(".")[:-1]:
        inner = getattr(message, name)
        if message.DESCRIPTOR.fields_by_name[name].is_repeated:
            inner = inner[0] if inner else inner.add()
        message = inner
    return message
