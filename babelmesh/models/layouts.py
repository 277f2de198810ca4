"""The layouts of models: by which files one is known, and under which names they stand in a bundle."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from babelmesh.errors import ModelsFailed

_BOTH = ("encoder_model", "decoder_model_merged", "decoder_model", "decoder_with_past_model")
_PRECISIONS = ("", "_quantized", "_fp16", "_int8", "_uint8", "_q4", "_q4f16", "_bnb4")
_OPTIMUM = {f"{part}{precision}.onnx": (f"{part}{precision}.onnx",) for part in _BOTH for precision in _PRECISIONS}
_MERGED = ("decoder_model_merged*.onnx", "decoder_with_past_model*.onnx")
_CARDS = {name: (name,) for name in ("README.md", "LICENSE", "MODEL_CARD")}


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout. Files are named as in the bundle, with the patterns that find them, the best first."""

    name: str
    stage: str
    engine: str
    needs: Mapping[str, Sequence[str]]
    takes: Mapping[str, Sequence[str]]  # what there may be as well
    one_of: Sequence[str] = ()  # patterns: some file must match one
    without: Sequence[str] = ()  # patterns: a file like that makes it another layout
    sample_rate_hertz: int = 0

    def files(self, there: Sequence[str]) -> dict[str, str] | None:
        """The paths of its files among those that are there, by their names in the bundle; None when one is missing."""
        needed = {name: _first(patterns, there) for name, patterns in self.needs.items()}
        if None in needed.values() or any(_first([pattern], there) for pattern in self.without):
            return None
        if self.one_of and not any(_first([pattern], there) for pattern in self.one_of):
            return None
        more = {name: _first(patterns, there) for name, patterns in {**self.takes, **_CARDS}.items()}
        return {name: path for name, path in {**needed, **more}.items() if path}


def _transducer(name: str, engine: str, pattern: str) -> Layout:
    """An encoder, a decoder and a joiner; what was quantized is taken where there is nothing else."""
    parts = {f"{part}.onnx": (pattern.format(part, ""), pattern.format(part, ".int8")) for part in _PARTS}
    return Layout(name, "asr", engine, {**parts, **_TOKENS}, _BPE, sample_rate_hertz=16_000)


_PARTS = ("encoder", "decoder", "joiner")
_TOKENS = {"tokens.txt": ("tokens.txt",)}
_BPE = {"bpe.model": ("bpe.model",), "bpe.vocab": ("bpe.vocab",)}
_MODEL = {"model.onnx": ("model.onnx", "model.int8.onnx"), **_TOKENS}
_SPEECH = 16_000

LAYOUTS = (
    Layout(
        "marian",
        "mt",
        "onnx",
        {name: (name,) for name in ("source.spm", "target.spm", "vocab.json", "config.json")}
        | {"encoder_model.onnx": ("encoder_model.onnx",)},
        {"generation_config.json": ("generation_config.json",), **_OPTIMUM},
        one_of=_MERGED,
    ),
    Layout(
        "m2m100",
        "mt",
        "onnx",
        {"config.json": ("config.json",), "encoder_model.onnx": ("encoder_model.onnx",)},
        {
            name: (name,)
            for name in (
                "generation_config.json",
                "sentencepiece.bpe.model",
                "vocab.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "special_tokens_map.json",
            )
        }
        | _OPTIMUM,
        one_of=_MERGED,
        without=("source.spm",),
    ),
    _transducer("nemo-transducer", "onnx", "{}{}.onnx"),
    _transducer("zipformer", "sherpa", "{}-epoch-*[0-9]{}.onnx"),
    Layout(
        "paraformer",
        "asr",
        "sherpa",
        {f"{part}.onnx": (f"{part}.onnx", f"{part}.int8.onnx") for part in ("encoder", "decoder")} | _TOKENS,
        {},
        without=("joiner*.onnx",),
        sample_rate_hertz=_SPEECH,
    ),
    Layout(
        "whisper",
        "asr",
        "sherpa",
        {f"{part}.onnx": (f"*-{part}.onnx", f"*-{part}.int8.onnx") for part in ("encoder", "decoder")}
        | {"tokens.txt": ("*-tokens.txt",)},
        {},
        sample_rate_hertz=_SPEECH,
    ),
    Layout(
        "moonshine",
        "asr",
        "sherpa",
        {
            f"{part}.onnx": (f"{part}.onnx", f"{part}.int8.onnx")
            for part in ("preprocess", "encode", "uncached_decode", "cached_decode")
        }
        | _TOKENS,
        {},
        sample_rate_hertz=_SPEECH,
    ),
    Layout("nemo-ctc", "asr", "onnx", _MODEL, _BPE, sample_rate_hertz=_SPEECH),
    Layout("sense-voice", "asr", "sherpa", _MODEL, _BPE, sample_rate_hertz=_SPEECH),
    Layout("piper", "tts", "onnx", {"voice.onnx": ("*.onnx",), "voice.onnx.json": ("*.onnx.json",)}, {}),
    Layout(
        "mms",
        "tts",
        "onnx",
        {"model.onnx": ("model.onnx",), "vocab.json": ("vocab.json",)},
        {name: (name,) for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json")},
        one_of=("config.json", "tokenizer_config.json"),
        without=("tokens.txt",),
        sample_rate_hertz=16_000,
    ),
)


def found(folder: Path, asked: str = "") -> tuple[Layout, dict[str, str]]:
    """The layout of the model in a folder, or the one asked for, and its files. Raises ModelsFailed."""
    there = _there(folder)
    fitting = [(layout, files) for layout in LAYOUTS if (files := layout.files(there)) is not None]
    if asked:
        if asked not in {layout.name for layout in LAYOUTS}:
            raise ModelsFailed(f"There is no layout {asked}: {', '.join(layout.name for layout in LAYOUTS)}.")
        fitting = [(layout, files) for layout, files in fitting if layout.name == asked]
    if not fitting:
        raise ModelsFailed(f"{folder} holds no {asked or 'model of a known'} layout. Known are {_known(asked)}.")
    if len(fitting) > 1:
        names = " or ".join(layout.name for layout, _ in fitting)
        raise ModelsFailed(f"The files in {folder} may be those of {names}: say which with --layout.")
    return fitting[0]


def _there(folder: Path) -> list[str]:
    try:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        if not folder.is_dir():
            raise ModelsFailed(f"{folder} is no folder.")
    except OSError as error:
        raise ModelsFailed(f"{folder} cannot be read: {error.strerror}.") from error
    return sorted((path.relative_to(folder).as_posix() for path in paths), key=lambda path: (path.count("/"), path))


def _first(patterns: Sequence[str], there: Sequence[str]) -> str | None:
    """The path whose last part matches the first pattern that any does; those higher up go before those in folders."""
    for pattern in patterns:
        for path in there:
            if fnmatch.fnmatchcase(path.rsplit("/", maxsplit=1)[-1], pattern):
                return path
    return None


def _known(asked: str) -> str:
    """What each layout is known by."""
    return "; ".join(f"{layout.name} ({', '.join(layout.needs)})" for layout in LAYOUTS if asked in ("", layout.name))
