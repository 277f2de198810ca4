"""Compares contracts by their descriptors, where there is no buf: what a client or a service relies on, and is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

# By the name of a thing: what may not change of it.
Facts = Mapping[str, object]


def broken(before: Iterable[FileDescriptorProto], now: Iterable[FileDescriptorProto]) -> list[str]:
    """Return what changed of fields, values and calls that were there before; what is new is no change."""
    known, left = facts(before), facts(now)
    return [f"{name}: {fact} became {left.get(name)}" for name, fact in known.items() if left.get(name) != fact]


def facts(files: Iterable[FileDescriptorProto]) -> Facts:
    """Return each field and each value of an enum by its number, and each call, with what is known of it."""
    return {name: fact for file in files for name, fact in _of_file(file)}


def reserved(message: DescriptorProto) -> set[int]:
    """Return the numbers that no field of a message may have."""
    return {number for each in message.reserved_range for number in range(each.start, each.end)}


def messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield the messages of a file, nested ones too, by full name."""
    for message in file.message_type:
        yield from _messages(message, file.package)


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, object]]:
    for name, message in messages(file):
        for field in message.field:
            kind = (field.type, field.type_name, field.label, field.proto3_optional)
            yield f"{name} field {field.number}", (field.name, *kind)
        for enum in message.enum_type:
            yield from _of_enum(enum, name)
        for number in reserved(message):
            yield f"{name} hole {number}", "reserved"
    for enum in file.enum_type:
        yield from _of_enum(enum, file.package)
    for service in file.service:
        for method in service.method:
            streams = (method.client_streaming, method.server_streaming)
            yield f"{file.package}.{service.name}/{method.name}", (method.input_type, method.output_type, *streams)


def _of_enum(enum: EnumDescriptorProto, outer: str) -> Iterator[tuple[str, object]]:
    for value in enum.value:
        yield f"{outer}.{enum.name} value {value.number}", value.name


def _messages(message: DescriptorProto, outer: str) -> Iterator[tuple[str, DescriptorProto]]:
    name = f"{outer}.{message.name}"
    yield name, message
    for inner in message.nested_type:
        yield from _messages(inner, name)
