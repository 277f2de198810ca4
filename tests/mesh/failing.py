"""Scripted engines that fail when a test says so, and stages that go away and come back at the same address."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

from services.asr.engine import Heard, Hypothesis
from services.asr.engines.scripted import engine as asr
from services.common.errors import StageFailed
from services.common.server.lifecycle import Servicer, running
from services.common.settings import ServiceSettings
from services.mt.engine import Source, Translation
from services.mt.engines.scripted import engine as mt
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as tts


class Mt(mt.Engine):
    """Breaks over one word, each time."""

    POISON = "poison"

    async def translate(self, source: Source) -> Translation:
        if self.POISON in source.text:
            raise StageFailed("MT_ENGINE_FAILED", "The engine failed as it was told to.", stage="MT")
        return await super().translate(source)


class Endless(mt.Engine):
    """Never comes back from one word, and holds the event loop meanwhile."""

    async def translate(self, source: Source) -> Translation:
        while Mt.POISON in source.text:
            pass
        return await super().translate(source)


class DefectiveAsr(asr.Engine):
    """Has a defect that shows at the end of each segment, when all of it has been heard."""

    calls: ClassVar[int] = 0

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        DefectiveAsr.calls += 1
        async for hypothesis in super().recognize(heard, language, affinity):
            if hypothesis.final:
                raise ValueError("a defect")
            yield hypothesis


class DefectiveMt(mt.Engine):
    """Has a defect that one word shows."""

    calls: ClassVar[int] = 0

    async def translate(self, source: Source) -> Translation:
        if Mt.POISON in source.text:
            DefectiveMt.calls += 1
            raise ValueError("a defect")
        return await super().translate(source)


class DefectiveTts(tts.Engine):
    """Has a defect that one word shows."""

    calls: ClassVar[int] = 0

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        if Mt.POISON[::-1] in clause.text or Mt.POISON in clause.text:
            DefectiveTts.calls += 1
            raise ValueError("a defect")
        async for piece in super().synthesize(clause):
            yield piece


class Tts(tts.Engine):
    """Breaks after the first piece of a clause, so many times."""

    breaks_left: ClassVar[int] = 0

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        async for piece in super().synthesize(clause):
            yield piece
            if Tts.breaks_left:
                Tts.breaks_left -= 1
                raise StageFailed("TTS_ENGINE_FAILED", "The engine failed as it was told to.", stage="TTS")


class Switch:
    """A stage that a test turns on and off."""

    def __init__(self, make: Callable[[], Servicer], settings: ServiceSettings) -> None:
        self._make = make
        self._settings = settings
        self._running = AsyncExitStack()
        self.address = ""

    async def on(self) -> None:
        port = await self._running.enter_async_context(running(self._make(), self._settings))
        self.address = f"127.0.0.1:{port}"
        self._settings = self._settings.model_copy(update={"listen": self.address})

    async def off(self) -> None:
        await self._running.aclose()


@asynccontextmanager
async def switched_on(make: Callable[[], Servicer], settings: ServiceSettings) -> AsyncIterator[Switch]:
    switch = Switch(make, settings)
    await switch.on()
    try:
        yield switch
    finally:
        await switch.off()
