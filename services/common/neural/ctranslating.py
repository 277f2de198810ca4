"""CTranslate2's device, chosen by setting: never silently another one than was asked for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import ctranslate2

from services.common.errors import InvalidArgument
from services.common.neural.gpus import gpus
from services.common.neural.settings import Asked, Ctranslate2Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Computing:
    """A device of CTranslate2, and the number type that models compute with on it."""

    kind: Literal["cpu", "cuda"]
    name: str  # as it is reported: "cpu", or "cuda: NVIDIA H100"
    compute_type: str
    threads: int  # of one computation, on the CPU


def chosen(settings: Ctranslate2Settings, field: str) -> Computing:
    """Return the device for some settings: `auto` is a GPU where CTranslate2 sees one.

    Raises InvalidArgument for `field` when a GPU was asked for and there is none, or the compute type is not for it.
    """
    cuda = _cuda(settings.device)
    if settings.device == "cuda" and not cuda:
        message = "CUDA was asked for, but CTranslate2 sees no GPU."
        raise InvalidArgument("DEVICE_MISSING", message, field, ("auto", "cpu"))
    kind: Literal["cpu", "cuda"] = "cuda" if cuda else "cpu"
    asked = settings.compute_type
    compute_type = asked if asked != "auto" else "float16" if cuda else "int8"
    known = ctranslate2.get_supported_compute_types(kind)
    if compute_type not in known:
        message = f"CTranslate2 does not compute with {compute_type} on this {kind}."
        raise InvalidArgument("COMPUTE_TYPE", message, field, tuple(sorted(known)))
    name = f"cuda: {(gpus() or ['a GPU'])[0]}" if cuda else "cpu"
    log.info("device chosen", extra={"fields": {"device": name, "compute_type": compute_type}})
    return Computing(kind, name, compute_type, settings.threads)


def _cuda(asked: Asked) -> bool:
    return asked != "cpu" and ctranslate2.get_cuda_device_count() > 0
