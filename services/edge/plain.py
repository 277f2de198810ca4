"""Messages of the contract as JSON, with the contract's field names; what is unset is left out."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.edge.fields import short_names

Value = object


def plain(message: Message) -> dict[str, Value]:
    """Return a message as an object for JSON: numbers as numbers, bytes as base64, enums by their short names."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Value) -> Value:
    if field.message_type and field.message_type.GetOptions().map_entry:
        return dict(value)  # type: ignore[call-overload]  # a map of texts: the contract has no others
    if field.is_repeated:
        return [_single(field, each) for each in value]  # type: ignore[attr-defined]  # a container, by its descriptor
    return _single(field, value)


def _single(field: Any, value: Value) -> Value:
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM and isinstance(value, int):
        return short_names(field.enum_type).get(value, value)
    if isinstance(value, float):
        return round(value, 4)
    return value
