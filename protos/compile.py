"""Builds the Python stubs of every contract under `protos/` into `gen/`.

Run by `make proto` and, through the hatch hook at the foot, by `pip install`: one way to make them, so one result.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

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
    for folder in (path for path in out.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()
        (folder / "py.typed").touch()


if __name__ == "__main__":
    compile_protos()
