"""Engines that answer late or never for one language, and are the scripted ones for every other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from services.mt.engine import Source, Translation
from services.mt.engines.scripted import engine as mt_scripted
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as tts_scripted

STUCK_LANG = "ca"
LATE_SECONDS = 2.0
PATIENCE_SECONDS = 3600.0  # they stay stuck: what that does to the others is measured


class Mt(mt_scripted.Engine):
    """Translates into any language but one."""

    patience_seconds = PATIENCE_SECONDS

    async def translate(self, source: Source) -> Translation:
        """See Engine."""
        if source.pair.target.startswith(STUCK_LANG):
            await asyncio.Event().wait()
        return await super().translate(source)


class LateMt(mt_scripted.Engine):
    """Translates into one language late."""

    patience_seconds = PATIENCE_SECONDS

    async def translate(self, source: Source) -> Translation:
        """See Engine."""
        if source.pair.target.startswith(STUCK_LANG):
            await asyncio.sleep(LATE_SECONDS)
        return await super().translate(source)


class Tts(tts_scripted.Engine):
    """Speaks any language but one."""

    patience_seconds = PATIENCE_SECONDS

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """See Engine."""
        if clause.voice.language.startswith(STUCK_LANG):
            await asyncio.Event().wait()
        async for pcm in super().synthesize(clause):
            yield pcm
