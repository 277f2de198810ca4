"""The layouts of models: which files identify each one, and their names in a bundle."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from babelmesh.client.errors import ModelsFailed

Files: TypeAlias = Mapping[str, Sequence[str]]  # names in the bundle, each with the patterns that find it

_BOTH = ("encoder_model", "decoder_model_merged", "decoder_model", "decoder_with_past_model")
_PRECISIONS = ("", "_quantized", "_fp16", "_int8", "_uint8", "_q4", "_q4f16", "_bnb4")
_EXPORTED = [f"{part}{precision}.onnx" for part in _BOTH for precision in _PRECISIONS]
_OPTIMUM: Files = {name: (name,) for name in _EXPORTED}
_EXPORT = (("encoder_model*.onnx",), ("decoder_model*.onnx",))  # of some precision
_CARDS: Files = {name: (name,) for name in ("README.md", "LICENSE", "MODEL_CARD", "NOTICE")}


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: file names in the bundle, with the patterns that find them, the best first."""

    name: str
    stage: str
    engine: str
    needs: Files
    takes: Files  # what there may be as well
    one_of: Sequence[Sequence[str]] = ()  # patterns: for each of these, some file must match one of them
    without: Sequence[str] = ()  # patterns: a file like that makes it another layout
    sample_rate_hertz: int = 0

    def files(self, there: Sequence[str]) -> dict[str, str] | None:
        """Return the paths of the layout's files by their names in the bundle; None when one is missing."""
        needed = {name: _first(patterns, there) for name, patterns in self.needs.items()}
        if None in needed.values() or any(_first([pattern], there) for pattern in self.without):
            return None
        if not all(_first(patterns, there) for patterns in self.one_of):
            return None
        more = {name: _first(patterns, there) for name, patterns in {**self.takes, **_CARDS}.items()}
        return {name: path for name, path in {**needed, **more}.items() if path}


def _named(*names: str) -> dict[str, Sequence[str]]:
    return {name: (name,) for name in names}


def _either(names: Sequence[str], *patterns: str) -> dict[str, Sequence[str]]:
    """Return files of several parts, each found by one of the patterns."""
    return {f"{name}.onnx": tuple(pattern.format(name) for pattern in patterns) for name in names}


_PARTS = ("encoder", "decoder", "joiner")
_MOONSHINE = ("preprocess", "encode", "uncached_decode", "cached_decode")
_TOKENIZER = ("sentencepiece.bpe.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_TOKENS = _named("tokens.txt")
_BPE = _named("bpe.model", "bpe.vocab")
_MODEL = {"model.onnx": ("model.onnx", "model.int8.onnx"), **_TOKENS}
_PLAIN = ("{}.onnx", "{}.int8.onnx")
_RATE = 16_000

# Kokoro's voices: the first letter is the language (American and British English, Spanish, French, Hindi, Italian,
# Japanese, Portuguese of Brazil, Mandarin), the second f or m.
KOKORO_VOICES = (
    *("af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river"),
    *("af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx"),
    *("am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george"),
    *("bm_lewis", "ef_dora", "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi"),
    *("if_sara", "im_nicola", "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"),
    *("pf_dora", "pm_alex", "pm_santa"),
    *("zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang"),
)

LAYOUTS = (
    Layout(
        "marian",
        "mt",
        "onnx",
        _named("source.spm", "target.spm", "vocab.json", "config.json"),
        {**_named("generation_config.json"), **_OPTIMUM},
        one_of=_EXPORT,
    ),
    Layout(
        "m2m100",
        "mt",
        "onnx",
        _named("config.json"),
        {**_named("generation_config.json", "vocab.json", *_TOKENIZER), **_OPTIMUM},
        one_of=_EXPORT,
        without=("source.spm",),
    ),
    Layout("nemo-transducer", "asr", "onnx", {**_either(_PARTS, *_PLAIN), **_TOKENS}, _BPE, sample_rate_hertz=_RATE),
    Layout(
        "zipformer",
        "asr",
        "sherpa",
        {**_either(_PARTS, "{}-epoch-*.onnx", "{}-epoch-*.int8.onnx"), **_TOKENS},
        _BPE,
        sample_rate_hertz=_RATE,
    ),
    Layout(
        "paraformer",
        "asr",
        "sherpa",
        {**_either(_PARTS[:2], *_PLAIN), **_TOKENS},
        {},
        without=("joiner*.onnx", "joiner*.int8.onnx"),
        sample_rate_hertz=_RATE,
    ),
    Layout(
        "whisper",
        "asr",
        "sherpa",
        {**_either(_PARTS[:2], "*-{}.onnx", "*-{}.int8.onnx"), "tokens.txt": ("*-tokens.txt", "tokens.txt")},
        {},
        sample_rate_hertz=_RATE,
    ),
    Layout("moonshine", "asr", "sherpa", {**_either(_MOONSHINE, *_PLAIN), **_TOKENS}, {}, sample_rate_hertz=_RATE),
    Layout(
        "moonshine-v2",
        "asr",
        "moonshine",
        _named("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"),
        {},
        sample_rate_hertz=_RATE,
    ),
    Layout(
        "whisper",
        "asr",
        "ctranslate2",
        _named("model.bin", "config.json", "tokenizer.json"),
        _named("vocabulary.json", "vocabulary.txt"),
        one_of=(("vocabulary.json", "vocabulary.txt"),),
        sample_rate_hertz=_RATE,
    ),
    Layout(
        "marian-intgemm8",
        "mt",
        "firefox",
        {
            "model.bin": ("model.bin", "model.*.intgemm.alphas.bin", "model.*.intgemm8.bin"),
            "vocab.spm": ("vocab.spm", "vocab.*.spm"),
        },
        {"lex.bin": ("lex.bin", "lex.*.bin")},
    ),
    Layout("nemo-ctc", "asr", "onnx", _MODEL, _BPE, sample_rate_hertz=_RATE),
    Layout("sense-voice", "asr", "sherpa", _MODEL, _BPE, sample_rate_hertz=_RATE),
    Layout(
        "kokoro",
        "tts",
        "kokoro",
        {"model.onnx": ("model.onnx", "kokoro*.int8.onnx", "kokoro*.onnx")},
        {f"voices/{voice}.bin": (f"{voice}.bin",) for voice in KOKORO_VOICES},
        one_of=(([f"{voice}.bin" for voice in KOKORO_VOICES]),),
        sample_rate_hertz=24_000,
    ),
    Layout("piper", "tts", "onnx", {"voice.onnx": ("*.onnx",), "voice.onnx.json": ("*.onnx.json",)}, {}),
    Layout(
        "mms",
        "tts",
        "onnx",
        _named("model.onnx", "vocab.json", "config.json", "tokenizer_config.json"),
        _named("special_tokens_map.json"),
        without=("tokens.txt",),
        sample_rate_hertz=_RATE,
    ),
)


def found(folder: Path, asked: str = "") -> tuple[Layout, dict[str, str]]:
    """Return the layout of the model in a folder, or the one asked for, and its files. Raises ModelsFailed."""
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
    layout, files = fitting[0]
    _check_single(layout, files, there)
    return layout, {**files, **_weights(files, there)}


def _check_single(layout: Layout, files: Mapping[str, str], there: Sequence[str]) -> None:
    """Raise ModelsFailed when another file beside the chosen one would match as well."""
    for name, patterns in layout.needs.items():
        taken = Path(files[name])
        pattern = next(each for each in patterns if _fits(taken.name, each))
        beside = [path for path in map(Path, there) if path.parent == taken.parent and path != taken]
        if others := [path.name for path in beside if _fits(path.name, pattern)]:
            raise ModelsFailed(f"{taken.name} and {others[0]} could both be its {name}: leave one of them there.")


def _weights(files: Mapping[str, str], there: Sequence[str]) -> dict[str, str]:
    """Return the files beside the chosen models that hold their weights, which a model finds by name."""
    beside = {f"{path}{ending}" for path in files.values() for ending in ("_data", ".data")}
    return {path.rsplit("/", maxsplit=1)[-1]: path for path in there if path in beside}


def _there(folder: Path) -> list[str]:
    try:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        if not folder.is_dir():
            raise ModelsFailed(f"{folder} is no folder.")
    except OSError as error:
        raise ModelsFailed(f"{folder} cannot be read: {error.strerror}.") from error
    return sorted((path.relative_to(folder).as_posix() for path in paths), key=lambda path: (path.count("/"), path))


def _first(patterns: Sequence[str], there: Sequence[str]) -> str | None:
    """Return the path whose last part matches the earliest pattern; paths higher up go before those in folders."""
    for pattern in patterns:
        for path in there:
            if _fits(path.rsplit("/", maxsplit=1)[-1], pattern):
                return path
    return None


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (".int8." in pattern or ".int8." not in name)


def _known(asked: str) -> str:
    """Return the files by which each layout is identified, as a text."""
    return "; ".join(f"{layout.name} ({', '.join(layout.needs)})" for layout in LAYOUTS if asked in ("", layout.name))
