"""Reads a model's `config.json` and `generation_config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from services.common.neural.bundles import Bundle, fault
from services.mt.engines.onnx.stepping import Shape
from services.mt.neural.tokens import Ids
from services.mt.neural.weights import Array

_MODELS = {"marian": "marian", "m2m100": "m2m_100"}  # `model_type` of each layout
_ACTIVATIONS = {"swish": "swish", "silu": "swish", "relu": "relu", "gelu": "gelu"}
_OFFSET = 2  # of an M2M100's positions: behind that of the padding
EarlyStopping: TypeAlias = bool | Literal["never"]


@dataclass(frozen=True, slots=True)
class Search:
    """Settings of the search, under the names of `transformers`' generation settings."""

    beams: int
    length_penalty: float
    early_stopping: EarlyStopping
    max_length: int  # in ids, the first ones with them
    forced_end: bool  # whether the last of them is the end, whatever else is likelier


@dataclass(frozen=True, slots=True)
class Config:
    """A model's configuration: everything but its weights."""

    ids: Ids
    shape: Shape
    search: Search
    positions: int  # most ids of a source


def config(bundle: Bundle) -> Config:
    """Read both files. Raises InvalidArgument naming what is missing or cannot be served."""
    told = _read(bundle, "config.json")
    asked = {**told, **_read(bundle, "generation_config.json")} if bundle.has("generation_config.json") else told
    wanted = _MODELS[bundle.manifest.layout]
    if told.get("model_type") != wanted:
        other = f"config.json is of a model of the type {told.get('model_type')!r}, not {wanted!r}."
        raise fault(bundle.folder, other)
    try:
        return _config(told, asked)
    except (KeyError, TypeError, ValueError) as error:
        raise fault(bundle.folder, f"config.json does not tell what is needed: {error}.") from error


def _config(told: Mapping[str, Any], asked: Mapping[str, Any]) -> Config:
    width, heads, most = told["d_model"], told["decoder_attention_heads"], told["max_position_embeddings"]
    activation = _ACTIVATIONS.get(told["activation_function"])
    if activation is None:
        raise ValueError(f"the activation {told['activation_function']!r} is not built")
    marian = told["model_type"] == "marian"
    never = tuple(ids[0] for ids in asked.get("bad_words_ids") or () if len(ids) == 1)
    shape = Shape(
        heads=heads,
        scale=float(np.sqrt(width)) if told.get("scale_embedding") else 1.0,
        positions=_sines(most, width) if marian else _spaced_sines(most, width),
        activation=activation,
        never=never,
        never_counts=not asked.get("renormalize_logits", False),
    )
    search = Search(
        beams=asked.get("num_beams") or 1,
        length_penalty=float(1.0 if asked.get("length_penalty") is None else asked["length_penalty"]),
        early_stopping=asked.get("early_stopping") or False,
        max_length=min(asked.get("max_length") or most, most),
        forced_end=asked.get("forced_eos_token_id") is not None,
    )
    start = asked.get("decoder_start_token_id")
    ids = Ids(told["decoder_start_token_id"] if start is None else start, told["eos_token_id"], told["pad_token_id"])
    return Config(ids, shape, search, most)


def _read(bundle: Bundle, name: str) -> dict[str, Any]:
    try:
        told = json.loads(bundle.file(name).read_bytes())
    except ValueError as error:
        raise fault(bundle.folder, f"{name} is not JSON.") from error
    if not isinstance(told, dict):
        raise fault(bundle.folder, f"{name} holds no object.")
    return told


def _sines(count: int, width: int) -> Array:
    """Return Marian's positions: sines in the first half, cosines in the second (arXiv 1706.03762, not interleaved)."""
    angles = np.arange(count)[:, None] / 10_000 ** (2 * np.arange((width + 1) // 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles[:, : width // 2])], axis=1).astype(np.float32)


def _spaced_sines(count: int, width: int) -> Array:
    """Return M2M100's positions as tensor2tensor computed them: the last frequency is 1/10000 exactly."""
    half = width // 2
    steps = np.arange(half, dtype=np.float32) * np.float32(-np.log(10_000) / (half - 1))
    angles = np.arange(_OFFSET, count + _OFFSET, dtype=np.float32)[:, None] * np.exp(steps)[None]
    padding = np.zeros((count, width % 2), np.float32)
    return np.concatenate([np.sin(angles), np.cos(angles), padding], axis=1)
