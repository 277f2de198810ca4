"""Loads a bundle of Firefox Translations into a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from services.common.errors import InvalidArgument
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device
from services.mt.engines.firefox.batch import Choice
from services.mt.engines.firefox.marian_file import Malformed, parsed
from services.mt.engines.firefox.model import Model
from services.mt.engines.firefox.network import Network, network
from services.mt.engines.firefox.pieces import Pieces
from services.mt.engines.firefox.shortlist import Shortlist
from services.mt.neural.loop import BROKEN

MODEL, SHORTLIST = "model.bin", "lex.bin"


@dataclass(frozen=True, slots=True)
class Asking:
    """Options for loading models: device, precision and shortlist."""

    device: Device
    precision: Literal["auto", "fp32", "int8"] = "auto"
    shortlist: bool = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded model, with its tokenizer and the ids it may choose."""

    model: Model
    pieces: Pieces
    choice: Choice


def load(bundle: Bundle, asking: Asking) -> Loaded:
    """Load a bundle's model. Raises InvalidArgument saying what is wrong with the bundle, or with the settings."""
    precision = _precision(asking)
    with _naming(bundle, MODEL):
        read = network(parsed(bundle.file(MODEL).read_bytes()), floats=precision == "fp32")
    pieces = Pieces(bundle, read.ids)
    try:
        model = Model(read, asking.device)
    except BROKEN as error:
        raise fault(bundle.folder, f"ONNX Runtime cannot run {MODEL} as {precision}: {error}.") from error
    shortlist = _shortlist(bundle, read) if asking.shortlist else None
    return Loaded(model, pieces, Choice(pieces.begins(read.ids), pieces.end, shortlist))


def _precision(asking: Asking) -> str:
    if asking.precision == "int8" and asking.device.kind != "cpu":
        message = f"int8 is not computed on {asking.device.kind}."
        raise InvalidArgument("PRECISION_UNUSABLE", message, "MT_FIREFOX__PRECISION", ("auto", "fp32"))
    if asking.precision == "auto":
        return "int8" if asking.device.kind == "cpu" else "fp32"
    return asking.precision


def _shortlist(bundle: Bundle, read: Network) -> Shortlist | None:
    if not bundle.has(SHORTLIST):
        return None  # some models come without one: then all ids may follow
    with _naming(bundle, SHORTLIST):
        return Shortlist(bundle.file(SHORTLIST).read_bytes(), read.ids)


@contextmanager
def _naming(bundle: Bundle, name: str) -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise fault(bundle.folder, f"{name} cannot be used: {error}.") from error
    except OSError as error:
        raise fault(bundle.folder, f"{name} cannot be read ({error.strerror}).") from error
