"""Whisper models on CTranslate2, each loaded when its languages are first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from services.asr.engine import Endpoint, Heard, Hypothesis, Language, Speech, Terms
from services.asr.engines.ctranslate2 import tokens
from services.asr.engines.ctranslate2.model import MOST_SAMPLES, Look, WhisperModel, Window
from services.asr.engines.ctranslate2.reading import Decoded
from services.asr.engines.ctranslate2.session import Served, Session
from services.asr.neural.measures import measures
from services.asr.neural.settling import AGREED
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE
from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.errors import Defect, StageFailed
from services.common.neural import ctranslating
from services.common.neural.batching import Batcher, Item, Limits
from services.common.neural.bundles import Bundle, fault, opened
from services.common.neural.ctranslating import Computing
from services.common.neural.resident import Resident
from services.common.text import languages

LAYOUTS = ("whisper",)
_FILES = ("model.bin", "config.json", tokens.TOKENIZER)
_LISTS = ("vocabulary.txt", "vocabulary.json")  # of older converters, and of those since


class Engine:
    """Whisper models on CTranslate2 for all languages; sessions of a language are shared between two bundles that serve
    it.
    """

    name = "ctranslate2"
    starts_programs = False
    prefixes = AGREED
    biased = False
    wideband = False
    written = True

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.ctranslate2.some("asr", "ctranslate2")
        self._limits = Limits(
            self._settings.max_batch, wait_ms=self._settings.wait_ms, queue_items=max(512, settings.slots)
        )
        self._versions: Versions[str, Served] = Versions()
        self._life = AsyncExitStack()  # of the batchers and models
        self._identifying: Identifying | None = None
        self.load = Load("asr", self._settings.max_batch)
        self.device: str = self._settings.device
        self.version = ""
        self.languages: tuple[str, ...] = ()
        self.identified: tuple[str, ...] = ()
        self.patience_seconds = self._settings.reply_seconds

    @property
    def versions(self) -> Iterator[tuple[Version[Served], float]]:
        """The model versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    async def start(self) -> None:
        """Check every bundle's files, and load the models of a GPU. On a CPU a model is loaded with its first session.

        Raises InvalidArgument for a bundle it cannot serve, or a device it cannot have.
        """
        computing = ctranslating.chosen(self._settings, "ASR_CTRANSLATE2__DEVICE")
        for named in self._settings.bundles:
            bundle = await asyncio.to_thread(opened, named.path, "asr", type(self).name, LAYOUTS)
            served = await self._served(bundle, computing)
            if computing.kind == "cuda":
                await _load(bundle, served)
            manifest = bundle.manifest
            if not self._identifying and len(manifest.languages) > 1:
                self._identifying = Identifying(served, tuple(manifest.languages))
            for language in manifest.languages:
                self._versions.add(language, Version(manifest.name, manifest.version, language, named.weight, served))
        self.device = computing.name
        self.languages = tuple(self._versions)
        self.identified = self._identifying.languages if self._identifying else ()
        self.version = self._versions.names

    async def stop(self) -> None:
        """Stop the batchers and release all models."""
        await self._life.aclose()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech with the model that its affinity picks, re-decoding the open segment as it
        grows.
        """
        version = self._versions.pick(language, affinity)
        session = Session(version.model, language)
        heard_samples = 0  # of the open segment
        async with version.model.resident.used():
            async for item in heard:
                with version.failing(StageFailed):
                    hypothesis = await _answer(session, item)
                heard_samples += len(item.pcm) if isinstance(item, Speech) else 0
                if hypothesis:
                    yield hypothesis
                if isinstance(item, Endpoint):
                    if hypothesis and hypothesis.words:
                        version.answered(**measures(hypothesis, session.seconds, heard_samples))
                    session.seconds, heard_samples = 0.0, 0

    async def identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        """Identify the language with the first bundle that has several languages. Raises StageFailed."""
        if self._identifying is None:
            raise Defect("ENGINE_UNASKED", "The engine was asked for a language, and knows only one.", stage="ASR")
        return await self._identifying.identify(speech, allowed)

    async def _served(self, bundle: Bundle, computing: Computing) -> Served:
        """Check a bundle's files, and return its model, which is not loaded yet, with its batchers."""
        for name in _FILES:
            bundle.file(name)
        if not bundle.has(_LISTS[0]):
            bundle.file(_LISTS[1])
        vocabulary = await asyncio.to_thread(tokens.read, bundle)
        idle_seconds = 60 * self._settings.idle_minutes if computing.kind == "cpu" else 0.0
        tail_samples = self._settings.tail_ms * ASR_RATE // 1000
        resident = Resident(partial(WhisperModel, bundle.folder, vocabulary, computing, tail_samples), idle_seconds)

        def recognize(windows: Sequence[Window]) -> Sequence[Decoded]:
            return resident.model.recognize(windows)

        def identify(looks: Sequence[Look]) -> Sequence[Language]:
            return resident.model.identify(looks)

        enter, most = self._life.enter_async_context, self._settings.max_batch
        batcher = await enter(Batcher("asr.window", recognize, self._limits, self.load.part(most)))
        looks = await enter(Batcher("asr.language", identify, self._limits, self.load.part(most)))
        self._life.callback(resident.release)
        return Served(resident, vocabulary, batcher, looks, self._settings.hypothesis_ms * ASR_RATE // 1000)


class Identifying:
    """Identifies which of one bundle's languages is spoken, in batches."""

    def __init__(self, served: Served, known: tuple[str, ...]) -> None:
        self._served = served
        self.languages = known  # as the bundle calls them

    async def identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        """Return the likeliest of the allowed languages. Each must be one of `languages`, or another name or region of
        one.
        """
        asked = {languages.require(tag, self.languages, "languages"): tag for tag in allowed}
        look = Look(speech.pcm[:MOST_SAMPLES], tuple(asked))
        async with self._served.resident.used():
            found = await self._served.looks.submit(Item(look, urgent=True, cost=len(look.pcm)))
        return replace(found, tag=asked[found.tag])


async def _load(bundle: Bundle, served: Served) -> None:
    try:
        async with served.resident.used():
            pass
    except StageFailed as error:
        raise fault(bundle.folder, error.message) from error


async def _answer(session: Session, item: Heard) -> Hypothesis | None:
    match item:
        case Speech():
            return await session.hear(item)
        case Endpoint():
            return await session.end()
        case Terms():
            return None
