"""The contracts against the released ones, and the rules that all of their fields follow. Needs no buf."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from tests.architecture import contracts
from tests.architecture.source import ROOT

RELEASED = FileDescriptorSet.FromString((ROOT / "protos" / "released.binpb").read_bytes())
OURS = sorted(str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("v1/*.proto"))
OPTIONS = (
    "csharp_namespace",
    "go_package",
    "java_multiple_files",
    "java_package",
    "objc_class_prefix",
    "swift_prefix",
)


def contract(path: str) -> FileDescriptorProto:
    """A contract as it was compiled."""
    import_module(path.replace("/", ".").replace(".proto", "_pb2"))
    file = FileDescriptorProto()
    descriptor_pool.Default().FindFileByName(path).CopyToProto(file)
    return file


NOW = [contract(path) for path in OURS]
KEDA = contract("externalscaler/externalscaler.proto")


def test_no_field_value_or_call_that_was_released_is_gone_or_another() -> None:
    assert not contracts.broken(RELEASED.file, [*NOW, KEDA])


def _renumbered(file: FileDescriptorProto) -> None:
    file.message_type[0].field[0].number = 99


def _renamed(file: FileDescriptorProto) -> None:
    file.message_type[0].field[0].name = "other"


def _retyped(file: FileDescriptorProto) -> None:
    file.message_type[0].field[0].type = FieldDescriptorProto.TYPE_BYTES


def _other_value(file: FileDescriptorProto) -> None:
    file.enum_type[0].value[1].number = 99


def _other_call(file: FileDescriptorProto) -> None:
    file.service[0].method[0].server_streaming = not file.service[0].method[0].server_streaming


def _filled_hole(file: FileDescriptorProto) -> None:
    message = next(each for each in file.message_type if each.reserved_range)
    del message.reserved_range[:]


@pytest.mark.parametrize("change", [_renumbered, _renamed, _retyped, _other_value, _other_call, _filled_hole])
def test_each_kind_of_change_is_seen(change: Callable[[FileDescriptorProto], None]) -> None:
    changed = FileDescriptorProto()
    changed.CopyFrom(contract("realtime/v1/realtime_translate.proto"))
    change(changed)
    rest = [each for each in NOW if each.name != changed.name]
    assert contracts.broken([*NOW], [*rest, changed])


def test_what_is_new_breaks_nothing() -> None:
    more = FileDescriptorProto()
    more.CopyFrom(NOW[0])
    more.message_type[0].field.add(name="new", number=5000, type=FieldDescriptorProto.TYPE_STRING)
    assert not contracts.broken([NOW[0]], [more])


def test_milliseconds_have_one_type() -> None:
    fields = [
        (name, field.name, field.type)
        for file in NOW
        for name, each in contracts.messages(file)
        for field in each.field
    ]
    milliseconds = [each for each in fields if each[1].endswith("_ms")]
    assert len(milliseconds) > 40
    assert not [each for each in milliseconds if each[2] != FieldDescriptorProto.TYPE_INT64]


def test_languages_are_spelled_one_way() -> None:
    names = {field.name for file in NOW for _, each in contracts.messages(file) for field in each.field}
    assert {"lang", "source_lang", "target_lang"} <= names
    # What is said in a target's own language is a rule, not a language.
    assert {name for name in names if "language" in name} == {"same_language"}


def test_a_hole_in_a_messages_numbers_is_reserved() -> None:
    open_holes = []
    for file in NOW:
        for name, message in contracts.messages(file):
            taken = {field.number for field in message.field} | contracts.reserved(message)
            open_holes += [f"{name} {number}" for number in range(1, max(taken, default=0)) if number not in taken]
    assert not open_holes


def test_an_enum_begins_with_a_value_that_says_nothing() -> None:
    enums = [each for file in NOW for each in file.enum_type]
    wrong = []
    for enum in enums:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        if (enum.value[0].number, enum.value[0].name) != (0, f"{prefix}_UNSPECIFIED"):
            wrong.append(enum.name)
    assert not wrong


@pytest.mark.parametrize("file", NOW, ids=OURS)
def test_a_contract_has_a_place_in_each_language(file: FileDescriptorProto) -> None:
    assert not [name for name in OPTIONS if not getattr(file.options, name)]
    assert file.options.java_package == f"babelmesh.{file.package}"
    assert file.options.csharp_namespace.lower() == f"babelmesh.{file.package}"
