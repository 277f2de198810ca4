"""Builds the Python stubs of every contract under `protos/`: a client's into `babelmesh/_stubs`, others into `gen/`.

`gen/` has a module for each contract all the same, by the contract's own name: `realtime.v1.realtime_translate_pb2` is
the client's module, so the messages of both are of the same classes. Run by `make proto` and, through the hooks of
hatch, by `pip install`: one way to make them, so one result.
"""

from __future__ import annotations

import re
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
STUBS = ROOT / "babelmesh" / "_stubs"
SPOKEN = ("realtime", "mesh/fault", "mesh/overview", "mesh/stage")  # what the client and its command line speak

# The client's descriptors are in a pool of their own: a program may hold stubs of another version of the same contract.
_POOL = '''"""Generated from the contracts. DO NOT EDIT!"""

from google.protobuf.descriptor_pool import DescriptorPool

POOL = DescriptorPool()
'''
# A module of `gen/` for a contract of the client.
_NAMED = '''"""Generated from the contracts: the client's module under the contract's name. DO NOT EDIT!"""

import sys

from {package} import {module}
'''
# Reflection looks contracts up in the pool of the process, each behind those that it imports.
_REFLECTED = """
from google.protobuf import descriptor_pool

for contract in (*{module}.DESCRIPTOR.dependencies, {module}.DESCRIPTOR):
    descriptor_pool.Default().AddSerializedFile(contract.serialized_pb)
"""
_REPLACED = "sys.modules[__name__] = {module}\n"


def compile_protos(out: Path = GEN, stubs: Path = STUBS) -> None:
    """Writes messages, services and their type stubs for every `.proto` below `protos/`; replaces what is there.

    Raises RuntimeError when the compiler refuses a file; it has printed why by then.
    """
    _compile(out)
    _give_to_client(out, stubs)
    for folder in (path for each in (out, stubs) for path in each.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()
        (folder / "py.typed").touch()


def _compile(out: Path) -> None:
    """Writes all stubs into a folder, each where its contract's package says."""
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


def _give_to_client(out: Path, stubs: Path) -> None:
    """Moves the stubs that a client speaks into its package, and leaves a module by the old name for each."""
    shutil.rmtree(stubs, ignore_errors=True)
    stubs.mkdir(parents=True)
    (stubs / "__init__.py").write_text(_POOL)
    for path in sorted(path for folder in SPOKEN for path in (out / folder).rglob("*.py*")):
        place = stubs / path.relative_to(out)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_of_client(path.read_text()))
        package, module = f"babelmesh._stubs.{'.'.join(path.relative_to(out).parent.parts)}", path.stem
        if path.suffix == ".pyi":
            path.write_text(f"from {package}.{module} import *\n")
        else:
            text = _NAMED + (_REFLECTED if module.endswith("_pb2") else "") + _REPLACED
            path.write_text(text.format(package=package, module=module))


def _of_client(text: str) -> str:
    """The text of a stub that is a module of `babelmesh._stubs`, with its descriptors in that package's pool."""
    text = re.sub(r"^from (realtime|mesh)\.", r"from babelmesh._stubs.\1.", text, flags=re.MULTILINE)
    text = re.sub(r"(BuildTopDescriptorsAndMessages\(DESCRIPTOR, ')", r"\1babelmesh._stubs.", text)
    imported = "from google.protobuf import descriptor_pool as _descriptor_pool\n"
    text = text.replace(imported, "from babelmesh._stubs import POOL as _POOL\n")
    return text.replace("_descriptor_pool.Default()", "_POOL")


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
