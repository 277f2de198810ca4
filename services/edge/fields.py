"""JSON of clients into messages of the contract, by the contract's own names.

An enum takes its value's short name in any case ("fast" for STABILIZATION_FAST). What a message has no field for, and
what a field cannot hold, is refused with the path of the place.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.common.errors import InvalidArgument, quoted

Json = Mapping[str, object]
M = TypeVar("M", bound=Message)

LONGEST_ECHO = 256  # bytes, as JSON
_ECHOES = f"at most {LONGEST_ECHO} bytes"
LARGEST = 1e30  # of numbers with fractions, far beyond what any field accepts

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), 1 << 31),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), 1 << 63),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1 << 32),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1 << 64),
}


def filled(message: M, values: object, path: str, hidden: Sequence[str] = ()) -> M:
    """Fill a message from a JSON object, and return it. Raises InvalidArgument, naming the place below `path`.

    `hidden` are fields of the message that clients may not set here.
    """
    known = {field.name: field for field in message.DESCRIPTOR.fields if field.name not in hidden}
    for name, value in as_object(values, path).items():
        if name not in known:
            raise InvalidArgument("UNKNOWN_FIELD", f"There is no {quoted(name)} here.", path, sorted(known))
        if value is not None:
            _set(message, known[name], value, f"{path}.{name}" if path else name)
    return message


def given(values: Json, name: str, default: object) -> object:
    """Return a field's value; the default where it is left out or null."""
    value = values.get(name)
    return default if value is None else value


def as_echo(value: object, path: str) -> object:
    """Return a JSON value that is to be sent back as it came, a short one. Raises InvalidArgument."""
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise wrong(path, "text of whole characters") from None
    if size > LONGEST_ECHO:  # it may wait, many times, for a client that does not read
        raise InvalidArgument("TOO_LONG", "It comes back as it is, and is too long for that.", path, [_ECHOES])
    return value


def as_object(value: object, path: str) -> Json:
    """Return a JSON value that is to be an object. Raises InvalidArgument."""
    if not isinstance(value, dict):
        raise wrong(path, "an object")
    return value


def as_text(value: object, path: str) -> str:
    """Return a JSON value that is to be text, of whole characters. Raises InvalidArgument."""
    if not isinstance(value, str):
        raise wrong(path, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(path, "text of whole characters") from None
    return value


def as_integer(value: object, path: str, least: int = 0, beyond: int = 1 << 53) -> int:
    """Return a JSON value that is to be a whole number from `least` to below `beyond`. Raises InvalidArgument."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < beyond:
        raise wrong(path, f"a whole number, {least} to {beyond - 1}")
    return value


def as_flag(value: str, path: str) -> bool:
    """Return the flag in an address's parameter. Raises InvalidArgument."""
    if value not in ("true", "false"):
        raise wrong(path, "true or false")
    return value == "true"


def as_bytes(value: object, path: str) -> bytes:
    """Return the bytes of base64 in a JSON value. Raises InvalidArgument."""
    try:
        return base64.b64decode(as_text(value, path), validate=True)
    except binascii.Error:
        raise wrong(path, "base64") from None


def as_list(value: object, path: str) -> Sequence[object]:
    """Return a JSON value that is to be a list. Raises InvalidArgument."""
    if not isinstance(value, list):
        raise wrong(path, "a list")
    return value


def wrong(path: str, accepted: str) -> InvalidArgument:
    """Return the error of a value of another type than is accepted."""
    return InvalidArgument("WRONG_TYPE", "The value has another type.", path, [accepted])


def _set(message: Message, field: Any, value: object, path: str) -> None:
    inner = field.message_type
    if inner and inner.GetOptions().map_entry:
        texts = {as_text(each, path): as_text(to, f"{path}.{each}") for each, to in as_object(value, path).items()}
        getattr(message, field.name).update(texts)
    elif field.is_repeated:
        into = getattr(message, field.name)
        for index, each in enumerate(as_list(value, path)):
            at = f"{path}[{index}]"
            if inner:
                filled(into.add(), each, at)
            else:
                into.append(_scalar(field, each, at))
    elif inner:
        child = getattr(message, field.name)
        child.SetInParent()
        filled(child, value, path)
    else:
        setattr(message, field.name, _scalar(field, value, path))


def _scalar(field: Any, value: object, path: str) -> object:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field.enum_type, value, path)
    if kind in _INTEGERS:
        return as_integer(value, path, *_INTEGERS[kind])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return as_bytes(value, path)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return as_text(value, path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise wrong(path, "true or false")
        return value
    return _number(value, path)


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        raise wrong(path, "a number")
    return float(value)


def _enum(enum: Any, value: object, path: str) -> int:
    names = short_names(enum)
    text = as_text(value, path)
    number = {name: number for number, name in names.items()}.get(text.lower())
    named = enum.values_by_name.get(text)
    if number is None and named is None:
        accepted = [name for number, name in names.items() if number]
        raise InvalidArgument("UNKNOWN_VALUE", f"There is no {quoted(text)} here.", path, accepted)
    return number if number is not None else named.number if named else 0


def short_names(enum: Any) -> dict[int, str]:
    """Return the lower-case names of an enum's values, by number, without the prefix that they share."""
    zero = enum.values_by_number[0].name
    prefix = zero.removesuffix("UNSPECIFIED")
    return {each.number: each.name.removeprefix(prefix).lower() for each in enum.values}
