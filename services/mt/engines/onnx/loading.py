"""Loads a bundle into a model, which is checked against the graphs it came in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError

from services.common.errors import InvalidArgument
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device, session
from services.mt.engines.onnx.config import Search, config
from services.mt.engines.onnx.model import Model
from services.mt.engines.onnx.reading import decoder
from services.mt.engines.onnx.tracing import Unrecognized
from services.mt.neural.loop import BROKEN
from services.mt.neural.rows import padded
from services.mt.neural.tokens import Tokenizer, tokenizer
from services.mt.neural.weights import Array, Decoder

Precision: TypeAlias = Literal["auto", "fp32", "fp16", "int8"]
SUFFIXES = {"fp32": "", "fp16": "_fp16", "int8": "_quantized"}  # of files, as the hubs name them
_DECODERS = ("decoder_model", "decoder_model_merged")  # the first has all that is needed
_MOST_OFF = {"fp32": 0.01, "fp16": 0.1, "int8": 0.5}  # logits, as a part of how far they spread
_ODD, _COMPARED = 5, 512  # ids that the check takes, and how many it looks at


@dataclass(frozen=True, slots=True)
class Asking:
    """Options for loading models: device, precision, rows and search."""

    device: Device
    precision: Precision = "auto"
    rows: int = 32
    beams: int = 0  # 0: as the model says
    length_penalty: float | None = None  # None: as the model says


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded model, with its tokenizer, precision and number of ids."""

    model: Model
    tokenizer: Tokenizer
    precision: str
    ids: int  # how many there are


def load(bundle: Bundle, asking: Asking) -> Loaded:
    """Load a bundle's model. Raises InvalidArgument saying what is wrong with the bundle, or with the settings."""
    precision = chosen(bundle, asking)
    told = config(bundle)
    told = replace(told, search=_search(told.search, asking))
    name, weights = _decoder(bundle, precision)
    words = tokenizer(bundle, told.ids)
    encoder = bundle.file(f"encoder_model{SUFFIXES[precision]}.onnx")
    try:
        model = Model(encoder, weights, told, asking.device, max(1, asking.rows // told.search.beams) + 1)
        _check(bundle, name, model, precision)
    except BROKEN as error:
        raise fault(bundle.folder, f"ONNX Runtime cannot run it as {precision}: {error}.") from error
    return Loaded(model, words, precision, weights.head.weight.values.shape[1])


def chosen(bundle: Bundle, asking: Asking) -> str:
    """Return the precision: as asked, else half on a GPU, single on the CPU, or the one that the bundle has.

    Raises InvalidArgument when what was asked for is not there, or cannot be computed on the device.
    """
    there = [each for each, suffix in SUFFIXES.items() if bundle.has(f"encoder_model{suffix}.onnx")]
    runs = ("fp32", "int8") if asking.device.kind == "cpu" else ("fp16", "fp32")
    can = [each for each in runs if each in there]
    if not there:
        raise fault(
            bundle.folder, f"It has no encoder_model.onnx, which the layout {bundle.manifest.layout!r} asks for."
        )
    if asking.precision == "auto" and can:
        return can[0]
    if asking.precision in can:
        return asking.precision
    if asking.precision in runs:
        raise fault(
            bundle.folder, f"It has no files in {asking.precision}, which was asked for; it has {', '.join(there)}."
        )
    cannot = (
        f"{asking.precision} is not computed on {asking.device.kind}"
        if asking.precision != "auto"
        else "none of it runs"
    )
    message = f"The bundle {bundle.manifest.name} has {', '.join(there)}; {cannot}."
    raise InvalidArgument("PRECISION_UNUSABLE", message, field="MT_ONNX__PRECISION", accepted=("auto", *can))


def _search(told: Search, asking: Asking) -> Search:
    penalty = told.length_penalty if asking.length_penalty is None else asking.length_penalty
    return replace(told, beams=asking.beams or told.beams, length_penalty=penalty)


def _decoder(bundle: Bundle, precision: str) -> tuple[str, Decoder]:
    names = [f"{name}{SUFFIXES[precision]}.onnx" for name in _DECODERS]
    name = next((name for name in names if bundle.has(name)), None)
    if name is None:
        raise fault(bundle.folder, f"It has neither {' nor '.join(names)}.")
    try:
        return name, decoder(onnx.load(bundle.file(name)))
    except Unrecognized as error:
        wrong = f"{name} is no decoder as the layout {bundle.manifest.layout!r} has it: {error}."
        raise fault(bundle.folder, wrong) from error
    except DecodeError as error:
        raise fault(bundle.folder, f"{name} is no ONNX file.") from error


def _check(bundle: Bundle, name: str, model: Model, precision: str) -> None:
    """Compare the model's logits of a few tokens with those of the graph that its weights came from. Raises on a
    difference.
    """
    config = model.config
    source, words = [_ODD, _ODD + 2, config.ids.end], [config.ids.start, _ODD + 1, _ODD + 3]
    ids, lengths = padded([source], config.ids.pad)
    exported = session(bundle.file(name), model.device)
    given = _inputs(exported, model.encoded(ids, lengths).numpy(), np.array([words]))
    (theirs,) = exported.run(["logits"], given)
    wanted = [each for each in range(min(_COMPARED, theirs.shape[2])) if each not in config.shape.never]
    ours = np.array(model.score(source, words, range(len(words)), wanted))
    model.clear()
    theirs = theirs[0][:, wanted].astype(np.float32)
    off = _centred(ours) - _centred(theirs)
    if not np.abs(off).max() < _MOST_OFF[precision] * theirs.std():
        raise fault(
            bundle.folder, f"{name} computes otherwise than a decoder of the layout {bundle.manifest.layout!r}."
        )


def _inputs(exported: onnxruntime.InferenceSession, hidden: Array, words: Array) -> dict[str, Array]:
    """Return the inputs of an exported decoder for a first pass, with an empty cache."""
    attention = np.ones(hidden.shape[:2], np.int64)
    given = {"input_ids": words, "encoder_hidden_states": hidden, "encoder_attention_mask": attention}
    for each in exported.get_inputs():
        half = "16" in each.type
        if each.name == "encoder_hidden_states":
            given[each.name] = hidden.astype(np.float16 if half else np.float32)
        elif each.name == "use_cache_branch":
            given[each.name] = np.array([False])
        elif each.name not in given:
            _, heads, _, width = each.shape
            given[each.name] = np.zeros((1, heads, 1, width), np.float16 if half else np.float32)
    return {each.name: given[each.name] for each in exported.get_inputs()}


def _centred(logits: Array) -> Array:
    return np.asarray(logits - logits.mean(axis=-1, keepdims=True))
