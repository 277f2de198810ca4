"""Messages made by walking their descriptors: everyday ones, spoilt ones, and bytes that are no message at all."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz.values import edge, mangled, noise, usual

DEEPEST = 6
SET = 0.35  # chance of a field that may be left out
SPOILT = 0.6  # chance of a field that is beyond its edges, in a message that is all faults

NUMBERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_FLOAT,
)

MANY = (2, 9, 65, 501, 2_000)  # entries of a list that is too long


def usual_message(descriptor: Descriptor, random: Random, spoilt: float = 0.0) -> Message:
    """A message of fields that fit; `spoilt` is the chance of each to be one that does not."""
    message: Message = GetMessageClass(descriptor)()
    _fill(message, random, spoilt, 0)
    return message


def _fill(message: Any, random: Random, spoilt: float, depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    chosen = {random.choice(oneof.fields).name for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        alone = field.containing_oneof is None
        if field.name in chosen or (alone and random.random() < SET and depth < DEEPEST):
            _set(message, field, random, spoilt, depth)


def _set(message: Any, field: FieldDescriptor, random: Random, spoilt: float, depth: int) -> None:
    count = random.choice((1, 1, 2, 3))
    if _is_map(field):
        for _ in range(count):
            _put(message, field, random, spoilt, depth)
    elif field.is_repeated:
        values = getattr(message, field.name)
        for _ in range(count):
            if field.message_type:
                _fill(values.add(), random, spoilt, depth + 1)
            else:
                values.append(_value(field, random, spoilt))
    elif field.message_type:
        getattr(message, field.name).SetInParent()
        _fill(getattr(message, field.name), random, spoilt, depth + 1)
    else:
        setattr(message, field.name, _value(field, random, spoilt))


def _put(message: Any, field: FieldDescriptor, random: Random, spoilt: float, depth: int) -> None:
    """Sets one entry of a map."""
    assert field.message_type
    key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
    entries = getattr(message, field.name)
    name = _value(key, random, spoilt) if random.random() < spoilt else random.choice(("es", "fr", "stage", "measure"))
    if value.message_type:
        _fill(entries[name], random, spoilt, depth + 1)
    else:
        entries[name] = _value(value, random, spoilt)


def _value(field: FieldDescriptor, random: Random, spoilt: float) -> Any:
    return edge(field, random) if random.random() < spoilt else usual(field, random)


def spoil(message: Message, random: Random) -> None:
    """Changes one place of a message: a value beyond its edges, a field more or less, a list too long."""
    places = list(_places(message))
    if not places:
        return
    numbers = [place for place in places if place[1].cpp_type in NUMBERS and not place[1].is_repeated]
    where, field = random.choice(numbers if numbers and random.random() < 0.4 else places)
    held: Any = getattr(where, field.name)
    if random.random() < 0.15:
        where.ClearField(field.name)
    elif _is_map(field):
        for _ in range(random.choice((1, 1, *MANY[:3]))):
            _put(where, field, random, 1.0, DEEPEST)
    elif field.is_repeated:
        _spoil_list(held, field, random)
    elif field.message_type:
        held.SetInParent()
        _fill(held, random, 0.2, 1)
    else:
        setattr(where, field.name, edge(field, random))


def _spoil_list(held: Any, field: FieldDescriptor, random: Random) -> None:
    if held and random.random() < 0.4:  # one entry again and again
        held.extend([held[0]] * random.choice(MANY))
    elif field.message_type:
        _fill(held.add(), random, SPOILT, 1)
    else:
        held.append(edge(field, random))


def _places(message: Any) -> Iterator[tuple[Any, FieldDescriptor]]:
    """Every field of a message and of those in it, set or not."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is None or message.HasField(field.name):
            yield message, field
        if not field.message_type or _is_map(field):
            continue
        if field.is_repeated:
            for inner in getattr(message, field.name)[:3]:
                yield from _places(inner)
        elif message.HasField(field.name):
            yield from _places(getattr(message, field.name))


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def any_bytes(descriptor: Descriptor, random: Random) -> bytes:
    """A message as it goes over the wire: an everyday one, a spoilt one, or bytes that are none at all."""
    kind = random.random()
    if kind < 0.03:
        return noise(random, 200)
    message = usual_message(descriptor, random, SPOILT if kind > 0.85 else 0.0)
    if kind > 0.4:
        spoil(message, random)
    data = message.SerializeToString()
    return mangled(data, random) if kind < 0.1 else data
