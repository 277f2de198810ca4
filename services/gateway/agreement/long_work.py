"""Has long pieces of work done one in each turn of the loop: between two of them every other session is served.

A session's targets all wake up when a segment goes on, so what takes each of them some milliseconds, for a long text or
a large glossary, would otherwise be done in one turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from services.gateway.agreement.glossary import Lexicon, lexicon, sources
from services.gateway.values.terms import Glossary

LIGHT = 256  # code points of a text, or entries of a glossary: what is smaller may be done at once


class Turns:
    """The turns of the loop that long pieces of one session's work take."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn in which no other long piece of work is begun: for one that is not light."""
        async with self._lock:
            await asyncio.sleep(0)


async def lexicons(glossary: Glossary, langs: Iterable[str]) -> AsyncIterator[tuple[str, Lexicon]]:
    """A glossary for each of some target languages; each is made in a turn of the loop of its own."""
    await asyncio.sleep(0)
    known = sources(glossary)
    for lang in langs:
        await asyncio.sleep(0)
        yield lang, lexicon(glossary, lang, known)
