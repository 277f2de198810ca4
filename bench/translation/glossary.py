"""How many of a glossary's terms the running mesh honours in its final translations.

    python -m bench.translation.glossary [--server HOST:PORT]

Twenty terms in English sentences with a fixed Spanish translation, as text: each sentence at once, and word by word as
a speaker's words come, at each stabilization. What the mesh reports with its finals is counted, and checked against a
count of our own; without the glossary, our own count tells how many terms the translator would have hit by itself.
Without `--server` a mesh of the embedded engines is started for it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import babelmesh
from bench.measuring.processes import local_mesh
from bench.measuring.report import Rows, at_least, finish
from bench.sessions import engines
from bench.translation.terms import SENTENCES, SPANISH
from services.common.text.terminology import uses

LANG = "es"
ALONE = "no glossary"
E = TypeVar("E")


@dataclass(slots=True)
class Count:
    """Terms in the sources of some sentences, and those honoured in their final translations."""

    terms: int = 0
    told: int = 0  # honoured, as the mesh reports
    found: int = 0  # honoured, as we find
    missed: list[str] = field(default_factory=list)

    def add(self, sentence: str, final: babelmesh.TranslationResult) -> None:
        """One sentence more."""
        ours = uses(sentence, final.text, SPANISH)
        self.terms += len(ours)
        self.found += sum(use.honoured for use in ours)
        self.told += sum(use.honoured for use in final.glossary)
        self.missed += [f"{use.term.source} in {final.text!r}" for use in ours if not use.honoured]


def main() -> None:
    """Prints the table and the misses; ends with status 1 when a term was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="", help="measure this mesh instead of one of our own")
    engines.add_option(parser)
    options = parser.parse_args()
    sys.exit(0 if asyncio.run(_measured(options.server, options.engines)) else 1)


async def _measured(server: str, chosen: str) -> bool:
    arms: dict[str, Count] = {}
    async with _address(server, chosen) as address, babelmesh.connect(address) as mesh:
        arms[ALONE] = await _counted(mesh, babelmesh.SessionConfig(), word_by_word=False)
        for name, number in (("FAST", 1), ("BALANCED", 2), ("AGGRESSIVE", 3)):
            config = babelmesh.SessionConfig(glossary=_glossary(), stabilization=number)  # type: ignore[arg-type]  # enum
            arms[f"word by word, {name}"] = await _counted(mesh, config, word_by_word=True)
        config = babelmesh.SessionConfig(glossary=_glossary())
        arms["sentence by sentence"] = await _counted(mesh, config, word_by_word=False)
    table = Rows("Glossary: terms in finals, English into Spanish", ["arm", "terms", "honoured", "reported", "share"])
    missed = Rows("Missed", ["arm", "term and translation"])
    for arm, count in arms.items():
        table.add(arm, count.terms, count.found, count.told, count.found / count.terms)
        for miss in count.missed if arm != ALONE else ():
            missed.add(arm, miss)
    with_glossary = [count for arm, count in arms.items() if arm != ALONE]
    honoured = min(count.found / count.terms for count in with_glossary)
    agreed = sum(count.found == count.told for count in with_glossary) / len(with_glossary)
    goals = {"glossary.honoured": at_least(honoured, 1.0), "glossary.reported_as_found": at_least(agreed, 1.0)}
    return finish("glossary", [table, missed] if missed.rows else [table], goals)


@asynccontextmanager
async def _address(server: str, chosen: str) -> AsyncIterator[str]:
    if server:
        yield server
        return
    async with local_mesh(engines.flat(chosen)) as own:
        yield own.address


async def _counted(mesh: babelmesh.Mesh, config: babelmesh.SessionConfig, word_by_word: bool) -> Count:
    """Types the sentences one after the other, each once the one before has its final."""
    count = Count()
    target = babelmesh.Target(lang=LANG, delivery=2)  # type: ignore[arg-type]  # captions, an enum
    async with mesh.session("en", [target], config) as session:
        events = aiter(session)
        for sentence in SENTENCES:
            for word in sentence.split() if word_by_word else ():
                await session.send_text(f"{word} ")
                await session.ping(word)  # the translation of this word before the next is typed
                await _until(events, babelmesh.Marker)
            await session.send_text("" if word_by_word else sentence, final=True)
            while not (result := await _until(events, babelmesh.TranslationResult)).final:
                pass
            count.add(sentence, result)
    return count


async def _until(events: AsyncIterator[babelmesh.Event], kind: type[E]) -> E:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError("the session ended")


def _glossary() -> babelmesh.Glossary:
    terms = [
        babelmesh.GlossaryTerm(source=term.source, translations={LANG: term.translation} if term.translation else {})
        for term in SPANISH
    ]
    return babelmesh.Glossary(terms=terms)


if __name__ == "__main__":
    main()
