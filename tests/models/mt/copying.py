"""A bundle for CTranslate2 small enough to be made in a test: its translation of each piece is the piece itself.

The embedding of a token is a direction, that of a position another. A decoder's position looks for the same one of the
encoder and takes over the token that is there; its own tokens say nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from services.common.neural import bundles

HERE = Path(__file__).parent
PHRASEBOOK, M2M100 = HERE / "phrasebook-en-es", HERE / "m2m100-smallest-random"
SIZE, POSITIONS = 256, 640  # half of the numbers are of tokens, half of positions
HALF = SIZE // 2
SHARP = 3_000.0  # of attention


def marian(folder: Path, **manifest: Any) -> Path:
    """Write a model of one pair."""
    tokens = _tokens(PHRASEBOOK)
    files = {name: PHRASEBOOK / name for name in ("source.spm", "target.spm")}
    return _written(folder, tokens, files, {"layout": "ct2-marian", "pairs": (("en", "es"),), **manifest})


def m2m100(folder: Path, layout: str = "ct2-m2m100", tags: Mapping[str, str] | None = None) -> Path:
    """Write a model of two pairs, each language of which has a token."""
    named = tags or {language: f"__{language}__" for language in ("en", "es", "de")}
    tokens = [*_tokens(M2M100), *named.values()]
    name = "sentencepiece.bpe.model"
    told = {"layout": layout, "pairs": (("en", "es"), ("en", "de")), "tags": dict(tags or {})}
    return _written(folder, tokens, {name: M2M100 / name}, told)


def _tokens(folder: Path) -> list[str]:
    ids = json.loads((folder / "vocab.json").read_text())
    return sorted(ids, key=ids.__getitem__)


def _written(folder: Path, tokens: list[str], files: Mapping[str, Path], manifest: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _spec(tokens).save(str(folder))
    for name, path in files.items():
        shutil.copyfile(path, folder / name)
    names = ("model.bin", "config.json", "shared_vocabulary.json", *files)
    told = {"name": "copying", "version": "1", "stage": "mt", "engine": "ctranslate2", "licence": "Apache-2.0"}
    return described(folder, {**told, "source": "made by a test", "files": dict.fromkeys(names), **manifest})


def described(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write a manifest with the sums that its files have now."""
    sums = {name: bundles.file_sum(folder / name) for name in manifest["files"]}
    made = bundles.Manifest.model_validate({**manifest, "files": sums})
    return bundles.write(folder, made).folder


def _spec(tokens: list[str]) -> Any:
    spec = ctranslate2.specs.TransformerSpec.from_config(1, 1, pre_norm=True)
    chance = np.random.default_rng(5)
    words, places = _directions(chance, len(tokens)), _directions(chance, POSITIONS)
    nothing = np.zeros_like(words)
    spec.encoder.embeddings[0].weight = np.concatenate([words, nothing], axis=1)
    spec.decoder.embeddings.weight = np.concatenate([nothing, nothing], axis=1)
    spec.decoder.projection.weight = np.concatenate([words, nothing], axis=1)
    for side in (spec.encoder, spec.decoder):
        side.scale_embeddings = False
        side.position_encodings.encodings = np.concatenate([np.zeros_like(places), places], axis=1)
        _norm(side.layer_norm)
    (encoder,), (decoder,) = spec.encoder.layer, spec.decoder.layer
    _zero(encoder.self_attention, (3, 1))
    _zero(decoder.self_attention, (3, 1))
    _zero(decoder.attention, (1, 2, 1))
    to_places, to_words = np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.float32)
    to_places[HALF:, HALF:], to_words[:HALF, :HALF] = np.eye(HALF), np.eye(HALF)
    query, source, out = decoder.attention.linear
    query.weight, source.weight, out.weight = SHARP / SIZE * to_places, np.concatenate([to_places, to_words]), to_words
    for layer in (encoder, decoder):
        _norm(layer.ffn.layer_norm)
        _linear(layer.ffn.linear_0, SIZE)
        _linear(layer.ffn.linear_1, SIZE)
    spec.config.decoder_start_token = "</s>"
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="float32")
    return spec


def _directions(chance: np.random.Generator, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    found = chance.standard_normal((count, HALF)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)


def _zero(attention: Any, sizes: tuple[int, ...]) -> None:
    _norm(attention.layer_norm)
    for linear, times in zip(attention.linear, sizes, strict=True):
        _linear(linear, times * SIZE)


def _linear(linear: Any, rows: int) -> None:
    linear.weight, linear.bias = np.zeros((rows, SIZE), np.float32), np.zeros(rows, np.float32)
