"""An engine that marks every word with its target: for tests, load, and the simulation of a GPU's batches."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

from services.common.errors import StageFailed
from services.mt.engine import Pair, Source, Translation
from services.mt.settings import MtSettings, ScriptedSettings

_WORD = re.compile(r"\w[\w'\u2019-]*")


class Engine:
    """Translates "hello, world" into "hello-es, world-es", or word by word by its own table."""

    name = "scripted"
    version = "1"

    def __init__(self, settings: MtSettings) -> None:
        self._settings = settings.scripted
        self._device = SimulatedDevice(self._settings)
        self._failures_left = self._settings.fail_first_n
        self.pairs = tuple(Pair(self._settings.source, target) for target in self._settings.targets)

    async def start(self) -> None:
        """See Engine."""

    async def stop(self) -> None:
        """See Engine."""

    async def translate(self, source: Source) -> Translation:
        """See Engine."""
        target = source.pair.target
        if self._failures_left:
            self._failures_left -= 1
            raise StageFailed("MT_ENGINE_FAILED", "The scripted engine failed as it was told to.", stage="MT")
        if target == self._settings.hang_target:
            await asyncio.Event().wait()
        await self._device.compute()
        if target == self._settings.slow_target:
            await asyncio.sleep(self._settings.slow_ms / 1000)
        return Translation(_WORD.sub(lambda word: self._word(word.group(), target), source.text))

    def _word(self, word: str, target: str) -> str:
        return self._settings.words.get(word.lower(), f"{word}-{target}")


@dataclass(slots=True)
class _Batch:
    starts: float
    calls: int


class SimulatedDevice:
    """A device that computes one batch after the other; calls that come before a batch starts share it.

    It keeps no lock and no task, only the times of its newest batch: whoever stops waiting disturbs nobody.
    """

    def __init__(self, settings: ScriptedSettings) -> None:
        self._settings = settings
        self._batch = _Batch(0.0, 0)

    async def compute(self) -> None:
        """Returns when the call's batch has been computed."""
        compute_seconds = self._settings.compute_ms / 1000
        if not compute_seconds:
            return
        now = time.monotonic()
        if self._batch.starts <= now or self._batch.calls >= self._settings.batch:
            free = self._batch.starts + compute_seconds
            self._batch = _Batch(max(now + self._settings.batch_wait_ms / 1000, free), 0)
        self._batch.calls += 1
        await asyncio.sleep(self._batch.starts + compute_seconds - now)
