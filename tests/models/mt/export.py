"""A translation model of `transformers`, written as a bundle: the files that Hugging Face Optimum makes, by Optimum.

    python -m tests.models.mt.export HF_FOLDER BUNDLE --pair en es [--tag es=>>spa<< ...] [--precisions int8 fp16]

Runs in the environment of `make parity`; this is how a model of one's own, or one fetched from a hub, is made ready.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from optimum.exporters.onnx import main_export

from services.common.neural.bundles import MANIFEST, Manifest, file_sum

LAYOUTS = {"marian": "marian", "m2m_100": "m2m100"}  # by the `model_type` of config.json
GRAPHS = ("encoder_model", "decoder_model", "decoder_with_past_model", "decoder_model_merged")
MERGED = ("encoder_model", "decoder_model_merged")  # all that is needed, and smaller: the decoder's weights once
TOKENIZERS = ("source.spm", "target.spm", "vocab.json", "sentencepiece.bpe.model", "tokenizer.json")
LEFT_OUT = ("special_tokens_map.json", "tokenizer_config.json", "added_tokens.json")  # read by no engine


@dataclass(frozen=True, slots=True)
class Label:
    """What the manifest says beside the files."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    version: str = "1"
    tags: Mapping[str, str] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    source: str = "tests/models/mt"


def main() -> None:
    """Writes the bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a folder in the layout of transformers")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--pair", nargs=2, action="append", required=True, metavar=("SOURCE", "TARGET"))
    parser.add_argument("--tag", action="append", default=[], metavar="LANGUAGE=TOKEN")
    parser.add_argument("--precisions", nargs="*", default=[], choices=["int8", "fp16"])
    parser.add_argument("--licence", default="CC-BY-4.0", help="SPDX identifier")
    options = parser.parse_args()
    tags = dict(tag.split("=", 1) for tag in options.tag)
    pairs = tuple((source, target) for source, target in options.pair)
    export(options.model, options.bundle)
    variants(options.bundle, options.precisions)
    label(options.bundle, Label(options.bundle.name, pairs, tags=tags, licence=options.licence, source="export"))


def export(model: Path, folder: Path, graphs: Iterable[str] = GRAPHS) -> None:
    """Optimum's files of a model in `folder`, of the graphs those asked for, and the tokenizer's files beside them."""
    shutil.rmtree(folder, ignore_errors=True)
    logging.getLogger("optimum").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every branch that it takes
        main_export(str(model), str(folder), task="text2text-generation-with-past", do_validation=False)
    for graph in set(GRAPHS) - set(graphs):
        (folder / f"{graph}.onnx").unlink()
    for name in LEFT_OUT:
        (folder / name).unlink(missing_ok=True)
    for name in TOKENIZERS:
        if (model / name).exists():
            shutil.copyfile(model / name, folder / name)


def variants(folder: Path, precisions: Iterable[str]) -> None:
    """Beside each graph the same in other precisions, named as on the hubs: `_quantized` is int8, `_fp16` half."""
    for graph in GRAPHS:
        path = folder / f"{graph}.onnx"
        if "int8" in precisions and path.exists():
            quantize_dynamic(
                path,
                folder / f"{graph}_quantized.onnx",
                weight_type=QuantType.QInt8,
                extra_options={"EnableSubgraph": True},
            )
        if "fp16" in precisions and path.exists():
            half = convert_float_to_float16(onnx.load(path), keep_io_types=False, disable_shape_infer=True)
            onnx.save(half, folder / f"{graph}_fp16.onnx")


def label(folder: Path, text: Label) -> None:
    """Writes the manifest of what lies in `folder`."""
    config = json.loads((folder / "config.json").read_text())
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    manifest = Manifest(
        name=text.name,
        version=text.version,
        stage="mt",
        engine="onnx",
        layout=LAYOUTS[config["model_type"]],
        pairs=text.pairs,
        tags=dict(text.tags),
        licence=text.licence,
        source=text.source,
        files={str(path.relative_to(folder)): file_sum(path) for path in files},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
