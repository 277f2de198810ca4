"""Builds the Python stubs of every contract under `protos/` into `gen/`.

Run by `make proto` and, through the hatch hook at the foot, by `pip install`: one way to make them, so one result.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GEN = ROOT / "gen"


def compile_protos(out: Path = GEN) -> None:
    """Writes messages, services and their type stubs for every `.proto` below `protos/`; replaces what is there.

    Raises RuntimeError when the compiler refuses a file; it has printed why by then.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    # protoc finds its typing plugins beside the interpreter that runs this, also when no shell has activated it.
    scripts = Path(sys.executable).parent
    command = [
        "protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
    ]
    for plugin, flag in (("protoc-gen-mypy", "mypy"), ("protoc-gen-mypy_grpc", "mypy_grpc")):
        executable = shutil.which(plugin, path=str(scripts)) or shutil.which(plugin)
        if executable is None:
            raise RuntimeError(f"{plugin} is missing: install mypy-protobuf")
        command += [f"--plugin={plugin}={executable}", f"--{flag}_out=quiet:{out}"]
    if protoc.main([*command, *sources]) != 0:
        raise RuntimeError(f"protoc could not compile {', '.join(sources)}")
    _write_docs(out, sources)
    for folder in (path for path in out.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()
        (folder / "py.typed").touch()


def _write_docs(out: Path, sources: Sequence[str]) -> None:
    """Writes NAME_docs.py beside each module of the public contracts: the comments of its messages and enums.

    The classes that protoc makes have no docstrings; the client gives them these.
    """
    described = out / "described.bin"
    includes = [f"--proto_path={PROTOS}", f"--proto_path={files('grpc_tools') / '_proto'}"]
    protoc.main(["protoc", *includes, "--include_source_info", f"--descriptor_set_out={described}", *sources])
    contracts = descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes())
    described.unlink()
    for contract in contracts.file:
        if contract.package.startswith("realtime."):
            lines = [f"    {name!r}: {text!r},\n" for name, text in _comments(contract)]
            module = out / contract.name.replace(".proto", "_docs.py")
            module.write_text('"""Generated from the contract. DO NOT EDIT!"""\n\n')
            with module.open("a") as file:
                file.write("DOCS: dict[str, str] = {\n" + "".join(lines) + "}\n")


def _comments(contract: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """The comment of each message, enum and value of an enum, by its name.

    A comment's path is made of the numbers of fields in descriptor.proto: 4 is messages, 5 enums, 2 their values.
    """
    for place in contract.source_code_info.location:
        text = " ".join(place.leading_comments.split())
        match [*place.path]:
            case [4, index] if text:
                yield contract.message_type[index].name, text
            case [5, index] if text:
                yield contract.enum_type[index].name, text
            case [5, index, 2, value] if text:
                yield contract.enum_type[index].value[value].name, text


if __name__ == "__main__":
    compile_protos()
