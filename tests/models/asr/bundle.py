"""Bundles of a trained recognizer: its ONNX files, weights stored in half precision, and the manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import sentencepiece
from onnx import numpy_helper

from tests.models.asr import export
from tests.models.asr.model import Recognizer

MANIFEST = "bundle.json"
VERSION = "1"
LEAST_STORED = 64  # smaller tensors stay as they are: shapes, biases


def phrasebook(recognizer: Recognizer, pieces: sentencepiece.SentencePieceProcessor, out: Path, layout: str) -> Path:
    """A trained recognizer in OUT/phrasebook-LAYOUT, small."""
    folder = out / f"phrasebook-{layout.removeprefix('nemo-')}"
    tokens = [pieces.id_to_piece(number) for number in range(pieces.vocab_size())]
    export.write(recognizer, tokens, folder, layout)
    for path in folder.glob("*.onnx"):
        _halve(path)
    scores = [f"{token}\t{pieces.get_score(number)}\n" for number, token in enumerate(tokens)]
    (folder / "bpe.vocab").write_text("".join(scores), encoding="utf-8")
    describe(folder, layout, "tests/models/asr/make.py: the phrasebook's words in espeak-ng's voices")
    return folder


def describe(folder: Path, layout: str, source: str) -> None:
    """Writes the manifest of what is in the folder."""
    manifest = {
        "format": 1,
        "name": folder.name,
        "version": VERSION,
        "stage": "asr",
        "engine": "onnx",
        "layout": layout,
        "languages": ["en-US"],
        "sample_rate_hertz": 16_000,
        "licence": "Apache-2.0",
        "source": source,
        "files": {path.name: _sum(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _shorten(nodes: list[onnx.NodeProto], told: set[str]) -> None:
    """Names what is between the nodes by numbers: the exporter's names are a tenth of a small file."""
    short: dict[str, str] = {}
    for node in nodes:
        node.name, node.doc_string = "", ""
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if names is node.output and name and name not in told:
                    short[name] = f"t{len(short)}"
                names[place] = short.get(name, name)


def _sum(path: Path) -> dict[str, str | int]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _halve(path: Path) -> None:
    """Stores the weights in half precision; they are computed with in single precision all the same."""
    model = onnx.load(path)
    casts, kept = [], []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < LEAST_STORED:
            kept.append(tensor)
            continue
        stored = f"{tensor.name}/half"
        kept.append(numpy_helper.from_array(weights.astype(np.float16), stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    _shorten(nodes, {each.name for each in model.graph.output} | {tensor.name for tensor in kept})
    del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
