"""CTranslate2's device, chosen by setting: never silently another one than was asked for."""

from __future__ import annotations

import ctypes
import logging
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import ctranslate2

from services.common.errors import InvalidArgument
from services.common.neural.gpus import gpus
from services.common.neural.settings import Ctranslate2Settings

log = logging.getLogger(__name__)

_CUBLAS = re.compile(rb"libcublas\.so\.\d+")


@dataclass(frozen=True, slots=True)
class Computing:
    """A device of CTranslate2, and the number type that models compute with on it."""

    kind: Literal["cpu", "cuda"]
    name: str  # as it is reported: "cpu", or "cuda: NVIDIA H100"
    compute_type: str
    threads: int  # of one computation, on the CPU


def chosen(settings: Ctranslate2Settings, field: str) -> Computing:
    """Return the device for some settings: `auto` is a GPU where CTranslate2 can compute on one.

    Raises InvalidArgument for `field` when a GPU was asked for and cannot be had, or the compute type is not for it.
    """
    reason = _why_no_cuda() if settings.device != "cpu" else "the setting says so"
    if settings.device == "cuda" and reason:
        raise InvalidArgument("DEVICE_MISSING", f"CUDA was asked for, but {reason}.", field, ("auto", "cpu"))
    kind: Literal["cpu", "cuda"] = "cpu" if reason else "cuda"
    asked = settings.compute_type
    compute_type = asked if asked != "auto" else "int8" if reason else "float16"
    known = ctranslate2.get_supported_compute_types(kind)
    if compute_type not in known:
        message = f"CTranslate2 does not compute with {compute_type} on this {kind}."
        raise InvalidArgument("COMPUTE_TYPE", message, field, tuple(sorted(known)))
    name = "cpu" if reason else f"cuda: {(gpus() or ['a GPU'])[0]}"
    log.info("device chosen", extra={"fields": {"device": name, "compute_type": compute_type, "reason": reason}})
    return Computing(kind, name, compute_type, settings.threads)


def _why_no_cuda() -> str:
    """Return why CTranslate2 cannot compute on a GPU; empty when it can.

    It sees a GPU where there is a driver, and loads models onto it. cuBLAS, which its wheel does not bring, is looked
    for with the first product of a model, and by then sessions would fail.
    """
    if not ctranslate2.get_cuda_device_count():
        return "CTranslate2 sees no GPU"
    name = _cublas()
    if name and not _loads(name):
        return f"CTranslate2 computes on a GPU with {name}, which is not installed"
    return ""


def _cublas() -> str:
    """Return the name under which CTranslate2's wheel looks for cuBLAS; empty where it was installed otherwise."""
    folder = Path(ctranslate2.__file__).parent.with_name("ctranslate2.libs")
    for path in folder.glob("libctranslate2*.so*"):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if found := _CUBLAS.search(content):
                return found.group().decode()
    return ""


def _loads(library: str) -> bool:
    """Load a library of CUDA into this process, so that whoever asks for it by name has it; return whether it loads."""
    for place in (*_in_wheels(library), library):
        try:
            ctypes.CDLL(place, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False


def _in_wheels(library: str) -> Iterator[str]:
    """Yield the paths of a library in NVIDIA's own wheels."""
    spec = find_spec("nvidia")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from map(str, sorted(Path(folder).glob(f"*/lib/{library}")))
