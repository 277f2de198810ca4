"""Layouts of the bundles that sherpa-onnx serves: their files, and the options of their recognizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.asr.engines.sherpa.recipe import Recipe
from services.asr.settings import SherpaSettings
from services.common.audio.pcm import ASR_RATE
from services.common.errors import InvalidArgument
from services.common.neural import bundles
from services.common.neural.bundles import Bundle, fault

TOKENS, PIECES = "tokens.txt", "bpe.vocab"
STAGE, ENGINE, TWIN = "asr", "sherpa", "onnx"  # the other engine's bundles of NeMo's models are the same files


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of model: how sherpa-onnx builds its recognizer, and the files that takes."""

    make: str  # the constructor of sherpa_onnx's recognizer
    files: Mapping[str, str]  # its arguments that are files
    streaming: bool
    transducer: bool = False  # which has a beam, and takes hotwords
    written: bool = False  # its words come cased and punctuated
    language: str = ""  # the argument that takes the language; none: it needs none
    options: Mapping[str, Any] = field(default_factory=dict)
    most_seconds: float = 0.0  # of audio at once; 0: any length


_TRANSDUCER = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "joiner": "joiner.onnx"}
_MOONSHINE = {
    "preprocessor": "preprocess.onnx",
    "encoder": "encode.onnx",
    "uncached_decoder": "uncached_decode.onnx",
    "cached_decoder": "cached_decode.onnx",
}

LAYOUTS: Mapping[str, Layout] = {
    "zipformer": Layout("from_transducer", _TRANSDUCER, streaming=True, transducer=True),
    "nemo-transducer": Layout("from_transducer", _TRANSDUCER, streaming=True, transducer=True),
    "nemo-ctc": Layout("from_nemo_ctc", {"model": "model.onnx"}, streaming=True),
    "paraformer": Layout("from_paraformer", {"encoder": "encoder.onnx", "decoder": "decoder.onnx"}, streaming=True),
    "whisper": Layout(
        "from_whisper",
        {"encoder": "encoder.onnx", "decoder": "decoder.onnx"},
        streaming=False,
        written=True,
        language="language",
        most_seconds=29.0,  # it drops what is behind the 30th second
    ),
    "sense-voice": Layout(
        "from_sense_voice",
        {"model": "model.onnx"},
        streaming=False,
        written=True,
        language="language",
        options={"use_itn": True},
    ),
    "moonshine": Layout("from_moonshine", _MOONSHINE, streaming=False, written=True),
}


def opened(folder: Path) -> Bundle:
    """Open the bundle in a folder and check all of its files. Raises InvalidArgument."""
    of_twin = bundles.read(folder).manifest.engine == TWIN
    bundle = bundles.opened(folder, STAGE, TWIN if of_twin else ENGINE, LAYOUTS)
    for name in (*layout_of(bundle).files.values(), TOKENS):
        bundle.file(name)
    if bundle.manifest.sample_rate_hertz not in (0, ASR_RATE):
        wrong = f"It hears {bundle.manifest.sample_rate_hertz} Hz; recognizers here hear {ASR_RATE}."
        raise fault(folder, wrong)
    return bundle


def layout_of(bundle: Bundle) -> Layout:
    """Return the layout that a bundle's manifest names."""
    return LAYOUTS[bundle.manifest.layout]


def recipe(bundle: Bundle, language: str, settings: SherpaSettings, provider: str) -> Recipe:
    """Return the recipe of a recognizer for this language. Raises InvalidArgument for a setting the model
    cannot have.
    """
    layout = layout_of(bundle)
    options: dict[str, Any] = {argument: str(bundle.file(name)) for argument, name in layout.files.items()}
    options |= {"tokens": str(bundle.file(TOKENS)), "num_threads": settings.threads, "provider": provider}
    options |= layout.options
    if layout.language:
        options[layout.language] = model_language(bundle, language)
    if settings.decoding == "beam":
        options |= _beam(bundle, settings)
    return Recipe(layout.make, layout.streaming, options)


def model_language(bundle: Bundle, language: str) -> str:
    """Return the model's name of a language: as the manifest maps it, else its primary subtag."""
    return bundle.manifest.tags.get(language) or language.partition("-")[0].lower()


def biased(bundle: Bundle, settings: SherpaSettings) -> bool:
    """Return whether the bundle's model can be biased to terms under these settings."""
    return settings.decoding == "beam" and layout_of(bundle).transducer and bundle.has(PIECES)


def _beam(bundle: Bundle, settings: SherpaSettings) -> dict[str, Any]:
    if not layout_of(bundle).transducer:
        message = f"{bundle.folder} is a {bundle.manifest.layout} model, which is decoded greedily."
        raise InvalidArgument("DECODING_UNAVAILABLE", message, "ASR_SHERPA__DECODING", ("greedy",))
    options: dict[str, Any] = {"decoding_method": "modified_beam_search", "max_active_paths": settings.beam}
    if bundle.has(PIECES):
        options |= {"modeling_unit": "bpe", "bpe_vocab": str(bundle.file(PIECES))}
        options |= {"hotwords_score": settings.hotword_score}
    return options
