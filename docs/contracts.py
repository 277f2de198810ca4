"""Writes a page of Markdown for each contract under protos/: its services, messages and enums, with their comments.

    python docs/contracts.py FOLDER

A page is named by its package: `realtime.v1.md`. `make site` runs this, and puts the pages on the site.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent.parent / "protos"

# Numbers of fields in descriptor.proto: the path of a comment is made of them.
FIELD, NESTED, ENUM_OF_MESSAGE = 2, 3, 4
MESSAGE, ENUM, SERVICE, SYNTAX = 4, 5, 6, 12
METHOD = VALUE = 2

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """A file of protos/ and the comments in it by their places."""

    file: FileDescriptorProto
    comments: Mapping[Place, str]

    def about(self, *place: int) -> str:
        """The comment at a place, as one paragraph; empty where there is none."""
        return self.comments.get(place, "")


def contracts() -> Iterator[Contract]:
    """Every file of protos/, by name. Raises RuntimeError where the compiler refuses one, after it has printed why."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.NamedTemporaryFile() as described:
        command = ["protoc", f"--proto_path={PROTOS}", f"--proto_path={files('grpc_tools') / '_proto'}"]
        command += ["--include_source_info", f"--descriptor_set_out={described.name}", *sources]
        if protoc.main(command):
            raise RuntimeError("protoc refuses a contract")
        found = FileDescriptorSet.FromString(Path(described.name).read_bytes())
    for file in found.file:
        places = file.source_code_info.location
        yield Contract(file, {tuple(each.path): " ".join(each.leading_comments.split()) for each in places})


def page(contract: Contract) -> str:
    """The page of a contract."""
    file = contract.file
    parts = [f"# {file.package}", contract.about(SYNTAX), f"`{PROTOS.name}/{file.name}`"]
    for number, service in enumerate(file.service):
        parts += _service(contract, service, (SERVICE, number))
    for number, message in enumerate(file.message_type):
        parts += _message(contract, message, (MESSAGE, number), "")
    for number, enum in enumerate(file.enum_type):
        parts += _enum(contract, enum, (ENUM, number), "")
    return "\n\n".join(part for part in parts if part) + "\n"


def _service(contract: Contract, service: ServiceDescriptorProto, place: Place) -> Iterator[str]:
    yield f"## {service.name} (service)"
    yield contract.about(*place)
    for number, method in enumerate(service.method):
        asked = f"{'stream ' * method.client_streaming}{_linked(contract, method.input_type)}"
        answered = f"{'stream ' * method.server_streaming}{_linked(contract, method.output_type)}"
        yield f"**{method.name}** ({asked}) returns ({answered})"
        yield contract.about(*place, METHOD, number)


def _message(contract: Contract, message: DescriptorProto, place: Place, outer: str) -> Iterator[str]:
    name = f"{outer}{message.name}"
    yield f"## {name}"
    yield contract.about(*place)
    rows = [
        (field.number, f"`{field.name}`", _type(contract, message, field), contract.about(*place, FIELD, number))
        for number, field in enumerate(message.field)
    ]
    if rows:
        yield _table(("number", "field", "type", "what it says"), rows)
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(contract, nested, (*place, NESTED, number), f"{name}.")
    for number, enum in enumerate(message.enum_type):
        yield from _enum(contract, enum, (*place, ENUM_OF_MESSAGE, number), f"{name}.")


def _enum(contract: Contract, enum: EnumDescriptorProto, place: Place, outer: str) -> Iterator[str]:
    yield f"## {outer}{enum.name}"
    yield contract.about(*place)
    values = enumerate(enum.value)
    rows = [(value.number, f"`{value.name}`", contract.about(*place, VALUE, number)) for number, value in values]
    yield _table(("number", "value", "what it says"), rows)


def _type(contract: Contract, message: DescriptorProto, field: FieldDescriptorProto) -> str:
    """How the contract would write the type of a field, with a link to a type of ours."""
    entries = {each.name: each for each in message.nested_type if each.options.map_entry}
    entry = entries.get(field.type_name.rsplit(".", 1)[-1])
    if entry:
        key, value = (_type(contract, entry, each) for each in entry.field)
        return f"map of {key} to {value}"
    name = _linked(contract, field.type_name) if field.type_name else FieldDescriptorProto.Type.Name(field.type)
    name = name.removeprefix("TYPE_").lower() if not field.type_name else name
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    if field.proto3_optional:
        return f"optional {name}"
    return f"{name}, one of `{message.oneof_decl[field.oneof_index].name}`" if field.HasField("oneof_index") else name


def _linked(contract: Contract, full: str) -> str:
    """A type's name, with a link to its section: ".realtime.v1.Word" is on this page where this is its contract."""
    package = re.match(r"\.(.*?)\.[A-Z]", full)
    assert package, full
    name = full.removeprefix(f".{package[1]}.")
    where = "" if package[1] == contract.file.package else f"{package[1]}.md"
    return f"[{name}]({where}#{name.lower().replace('.', '')})"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in line)} |" for line in lines)


def main() -> None:
    """Writes the pages into the folder named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for contract in contracts():
        (folder / f"{contract.file.package}.md").write_text(page(contract))


if __name__ == "__main__":
    main()
