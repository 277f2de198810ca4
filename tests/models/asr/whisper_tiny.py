"""A Whisper bundle small enough to be made in a test: it hears the same sentence in whatever it is given.

All its layers are zero, so what it decodes follows from the position alone: the embedding of each position is that of
the token to emit there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from tokenizers import Tokenizer, decoders, models

from services.common.neural import bundles

WORDS = ("hello", "there", "my", "good", "friend")
SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|nospeech|>", "<|notimestamps|>")
TIMES = tuple(f"<|{step * 0.02:.2f}|>" for step in range(1501))
VOCABULARY = (*(f"\u0120{word}" for word in WORDS), "\u0120", ".", *SPECIAL, *TIMES)
BANDS, SIZE, HEADS, PROMPT = 80, 64, 2, 2  # the prompt: start of transcript, no timestamps


def write(folder: Path, said: Sequence[str] = WORDS) -> Path:
    """Write the bundle of a model that hears these of its WORDS."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = _spec([VOCABULARY.index(f"\u0120{word}") for word in said])
    spec.save(str(folder))
    tokens = {token: place for place, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.BPE(tokens, []))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ("model.bin", "config.json", "vocabulary.json", "tokenizer.json")
    manifest = bundles.Manifest(
        name="whisper-tiny",
        version="1",
        stage="asr",
        engine="ctranslate2",
        layout="whisper",
        languages=("en-US",),
        sample_rate_hertz=16_000,
        licence="Apache-2.0",
        source="made by a test",
        files={name: bundles.file_sum(folder / name) for name in names},
    )
    return bundles.write(folder, manifest).folder


def _spec(said: Sequence[int]) -> Any:
    spec = ctranslate2.specs.WhisperSpec(1, HEADS, 1, HEADS)
    chance = np.random.default_rng(3)
    embeddings = chance.standard_normal((len(VOCABULARY), SIZE)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    positions = np.zeros((128, SIZE), np.float32)
    end = VOCABULARY.index(SPECIAL[0])
    positions[PROMPT - 1 :] = 20 * embeddings[end]
    positions[PROMPT - 1 : PROMPT - 1 + len(said)] = 20 * embeddings[list(said)]
    spec.decoder.embeddings.weight = embeddings
    spec.decoder.projection.weight = 4 * embeddings
    spec.decoder.position_encodings.encodings = positions
    spec.encoder.position_encodings.encodings = np.zeros((1500, SIZE), np.float32)
    spec.encoder.conv1.weight = np.zeros((SIZE, BANDS, 3), np.float32)
    spec.encoder.conv2.weight = np.zeros((SIZE, SIZE, 3), np.float32)
    for conv in (spec.encoder.conv1, spec.encoder.conv2):
        conv.bias = np.zeros(SIZE, np.float32)
    _norm(spec.encoder.layer_norm)
    _norm(spec.decoder.layer_norm)
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        _zero(layer)
    spec.config.suppress_ids = [VOCABULARY.index(token) for token in SPECIAL[1:]]
    spec.config.suppress_ids_begin = [end]
    spec.config.lang_ids = [VOCABULARY.index("<|en|>")]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(list(VOCABULARY))
    spec.validate()
    spec.optimize(quantization="float32")
    return spec


def _norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)


def _zero(layer: Any) -> None:
    attentions = [layer.self_attention, *([layer.attention] if hasattr(layer, "attention") else [])]
    for attention in attentions:
        _norm(attention.layer_norm)
        fused = 3 if attention is layer.self_attention else 1
        sizes = (fused, 1) if fused == 3 else (1, 2, 1)
        for linear, times in zip(attention.linear, sizes, strict=True):
            _linear(linear, times * SIZE, SIZE)
    _norm(layer.ffn.layer_norm)
    _linear(layer.ffn.linear_0, SIZE, SIZE)
    _linear(layer.ffn.linear_1, SIZE, SIZE)


def _linear(linear: Any, rows: int, columns: int) -> None:
    linear.weight, linear.bias = np.zeros((rows, columns), np.float32), np.zeros(rows, np.float32)
