"""Tries and loads a bundle's models."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from services.asr.engines.sherpa import hotwords, layouts, online
from services.asr.engines.sherpa.offline import Offline, OfflineModel, OfflineSession
from services.asr.engines.sherpa.online import Online, OnlineModel, OnlineSession
from services.asr.engines.sherpa.recipe import Recipe, recognizer
from services.asr.engines.sherpa.trying import Trial, tried
from services.asr.settings import SherpaSettings
from services.common.audio.pcm import ASR_RATE
from services.common.engines.load import Load
from services.common.errors import InvalidArgument
from services.common.neural.batching import Batcher, Limits
from services.common.neural.bundles import Bundle, fault
from services.common.neural.gpus import gpus

log = logging.getLogger(__name__)

Served: TypeAlias = Online | Offline
Session: TypeAlias = OnlineSession | OfflineSession

CPU, CUDA = "cpu", "cuda"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A recognizer made from a bundle, and the languages it serves."""

    languages: Sequence[str]
    served: Served
    batcher: Batcher[Any, Any]
    written: bool


@dataclass(frozen=True, slots=True)
class Batches:
    """Makes a batcher for each recognizer, all within the same limits."""

    limits: Limits
    load: Load  # of the engine

    def batcher(self, name: str, compute: Callable[[Sequence[Any]], Sequence[Any]]) -> Batcher[Any, Any]:
        """Return a new batcher for one recognizer, with its own part of the load."""
        return Batcher(name, compute, self.limits, self.load.part(self.limits.most_items))


async def loaded(bundle: Bundle, settings: SherpaSettings, provider: str, batches: Batches) -> list[Loaded]:
    """Load one recognizer for all of a bundle's languages, or one each where the model must be set. Raises
    InvalidArgument.
    """
    made = []
    for languages in _together(bundle):
        recipe = layouts.recipe(bundle, languages[0], settings, provider)
        trial = await tried(recipe, bundle.folder)
        if trial.on_cpu:
            raise no_cuda("sherpa-onnx fell back to the CPU")
        made.append(await asyncio.to_thread(_loaded, bundle, languages, _Made(recipe, trial, settings, batches)))
    return made


def provider(settings: SherpaSettings) -> str:
    """Return sherpa-onnx's provider for the device set. Raises InvalidArgument when `cuda` was asked for and is
    missing.
    """
    built = _built_for_cuda()
    if settings.device == CUDA and not built:
        raise no_cuda("this sherpa-onnx was built without it (its wheels with +cuda in the version have it)")
    chosen = CUDA if built and settings.device != CPU and gpus() else CPU
    if settings.device == CUDA and chosen == CPU:
        raise no_cuda("no GPU of NVIDIA's is visible")
    log.info("device chosen", extra={"fields": {"device": chosen, "built_for_cuda": built}})
    return chosen


def no_cuda(why: str) -> InvalidArgument:
    """Return the error for a GPU that was asked for and is missing, with the reason `why`."""
    return InvalidArgument("DEVICE_MISSING", f"CUDA was asked for, but {why}.", "ASR_SHERPA__DEVICE", ("auto", "cpu"))


def device_name(provider: str) -> str:
    """Return the name of a provider's device, for example "cpu" or "cuda: NVIDIA H100"."""
    if provider == CPU:
        return CPU
    return f"cuda: {gpus()[0] or 'a GPU'}"


@dataclass(frozen=True, slots=True)
class _Made:
    """A recognizer's recipe, with its trial, the settings and the batchers it gets."""

    recipe: Recipe
    trial: Trial
    settings: SherpaSettings
    batches: Batches


def _loaded(bundle: Bundle, languages: Sequence[str], made: _Made) -> Loaded:
    layout = layouts.layout_of(bundle)
    settings = made.settings
    recognizes = recognizer(made.recipe)
    if not layout.streaming:
        whole = OfflineModel(recognizes, layout.most_seconds)
        hearing = made.batches.batcher("asr.recognition", whole.recognize)
        every_samples = settings.hypothesis_ms * ASR_RATE // 1000
        return Loaded(languages, Offline(whole, hearing, every_samples), hearing, layout.written)
    letters = hotwords.alphabet(bundle.file(layouts.TOKENS))
    try:
        ctc = bundle.manifest.layout == "nemo-ctc"
        traits = online.traits(made.trial.metadata, ctc, settings.decoding == "beam", settings.tail_ms)
    except ValueError as error:
        raise fault(bundle.folder, f"Its metadata hold what is no number: {error}.") from error
    model = OnlineModel(recognizes, traits, letters)
    stepping = made.batches.batcher("asr.step", model.advance)
    return Loaded(languages, Online(model, stepping), stepping, letters.written)


def _together(bundle: Bundle) -> Iterator[Sequence[str]]:
    """Yield groups of the bundle's languages, each of which one recognizer serves."""
    languages = bundle.manifest.languages
    if not layouts.layout_of(bundle).language:
        yield languages
        return
    for called in dict.fromkeys(layouts.model_language(bundle, language) for language in languages):
        yield [language for language in languages if layouts.model_language(bundle, language) == called]


def _built_for_cuda() -> bool:
    found = importlib.util.find_spec("sherpa_onnx")
    folders = found.submodule_search_locations if found else None
    return any(next(Path(folder).glob("lib/*onnxruntime_providers_cuda*"), None) for folder in folders or ())
