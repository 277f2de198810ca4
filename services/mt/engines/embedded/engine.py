"""Apertium: rules and dictionaries, no weights, on the CPU. GPL: it runs as programs beside us, never inside."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from functools import partial

from services.common.engines.children import Pool
from services.common.engines.load import Load
from services.common.errors import StageFailed
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.embedded.modes import analyser_of, commands, installed
from services.mt.engines.embedded.pipeline import Pipeline
from services.mt.engines.embedded.translator import TRIES, Translator
from services.mt.engines.embedded.turns import Turns
from services.mt.settings import MtSettings

SPARE_SECONDS = 2.0  # programs that do not answer are replaced first


class Engine:
    """Translates with the Apertium pairs that are installed on this machine, in child programs."""

    name = "embedded"
    shaped = True
    device = "cpu"
    versions = ()
    continues_prefix = False

    def __init__(self, settings: MtSettings) -> None:
        self._settings = settings.embedded
        # A pair's first call starts its programs, and a sentence that breaks one is asked again.
        self.patience_seconds = self._settings.start_seconds + TRIES * self._settings.reply_seconds + SPARE_SECONDS
        self.load = Load("mt", self._settings.pipelines)
        self._translators: dict[Pair, Translator] = {}
        self.version = ""
        self.pairs: tuple[Pair, ...] = ()

    async def start(self) -> None:
        """Find the installed pairs and start those that the settings name; regional targets start with their first
        text.
        """
        settings = self._settings
        modes = {pair: commands(path.read_text()) for pair, path in installed(settings.modes).items()}
        for pair, stages in modes.items():
            pool = Pool(partial(Pipeline.started, stages, settings.start_seconds), settings.pipelines)
            analyser = analyser_of(modes.get(Pair(pair.target, pair.source), ())) if pair.source == "en" else ()
            turns = Turns(settings.pipelines, self.load.part(settings.pipelines))
            self._translators[pair] = Translator(pair, pool, turns, settings.reply_seconds, analyser)
        self.pairs = tuple(self._translators)
        if not self.pairs:
            none = f"{settings.modes} holds no pair of languages. Install one, apertium-eng-spa for example."
            raise StageFailed("MT_NO_PAIRS", none, stage="MT")
        self.version = await _version()
        async with asyncio.TaskGroup() as tasks:
            for pair, translator in self._translators.items():
                if pair.source == settings.warm_from and "-" not in pair.target:
                    tasks.create_task(translator.warm())

    async def stop(self) -> None:
        """End all pipelines, and wait until their programs are gone."""
        for translator in self._translators.values():
            await translator.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with its pair's pipelines. Raises StageFailed when two of them break over one sentence."""
        try:
            return await self._translators[source.pair].translate(source)
        finally:
            await self._trim(source.pair)

    async def _trim(self, used: Pair) -> None:
        """End the least recently used pipelines, beyond the number that is kept idle."""
        self._translators[used] = self._translators.pop(used)  # the last one used stands last
        surplus = sum(translator.idle for translator in self._translators.values()) - self._settings.idle
        for translator in list(self._translators.values()):
            while surplus > 0 and translator.idle:
                surplus -= 1
                await translator.trim()


async def _version() -> str:
    """Return the version of the installed Apertium programs; the pairs have versions of their own."""
    asked = await asyncio.create_subprocess_exec("lt-proc", "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    answer, _ = await asked.communicate()
    return "lttoolbox " + answer.decode().split()[-1]
