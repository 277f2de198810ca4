"""An engine that marks every word with its target: for tests, load, and the simulation of a GPU's batches."""

from __future__ import annotations

import asyncio
import re

from services.common.engines.load import Load
from services.common.engines.simulation import SimulatedDevice
from services.common.errors import StageFailed
from services.common.text.terminology import composed
from services.mt.engine import Pair, Source, Tokens, Translation
from services.mt.glossary import Masked, masked
from services.mt.settings import MtSettings

_WORD = re.compile(r"\w[\w'\u2019-]*")


class Engine:
    """Translates "hello, world" into "hello-es, world-es", or word by word with a table of its own."""

    name = "scripted"
    starts_programs = False
    shaped = False
    device = "cpu"
    versions = ()
    version = "1"
    patience_seconds = 1.0

    def __init__(self, settings: MtSettings) -> None:
        self._settings = settings.scripted
        self.load = Load("mt", self._settings.batch)
        self._device = SimulatedDevice(self._settings, self.load)
        self._failures_left = self._settings.fail_first_n
        self.continues_prefix = self._settings.continues_prefix
        there = tuple(Pair(self._settings.source, target) for target in self._settings.targets)
        back = tuple(Pair(pair.target, pair.source) for pair in there) if self._settings.both_ways else ()
        self.pairs = there + back

    async def start(self) -> None:
        """Start the engine, which has nothing to load."""

    async def stop(self) -> None:
        """Stop the engine, which holds nothing to release."""

    async def translate(self, source: Source) -> Translation:
        """Mark each word with the target language, with the delays and faults that the settings ask for."""
        target = source.pair.target
        if self._failures_left:
            self._failures_left -= 1
            raise StageFailed("MT_ENGINE_FAILED", "The scripted engine failed as it was told to.", stage="MT")
        if target == self._settings.hang_target:
            await asyncio.Event().wait()
        await self._device.compute(source.max_wait_ms)
        if target == self._settings.slow_target:
            await asyncio.sleep(self._settings.slow_ms / 1000)
        asked = masked(composed(source.text), source.terms)
        translated = _WORD.sub(lambda word: self._word(word.group(), target, asked), asked.text)
        words = asked.restored(translated)
        if self.continues_prefix:
            prefix = source.target_prefix.split()
            words = " ".join([*prefix, *words.split()[len(prefix) :]])
        tokens = Tokens(len(source.text.split()), len(words.split()))
        return Translation(words, self.continues_prefix, tokens=tokens if self._settings.counts_tokens else None)

    def _word(self, word: str, target: str, asked: Masked) -> str:
        if word.lower() in asked.words:
            return word
        return self._settings.words.get(word.lower(), f"{word}-{target}")
