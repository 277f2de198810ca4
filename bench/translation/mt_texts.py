"""Texts with translations by people: news and sentences beside the repository, the prompts of Debian's packages.

../shared/data/mt/NAME.en-es.tsv                    a line in each language, a tab between
apt-get install asterisk-core-sounds-{en,es,fr,it}  the same prompts, each by a name, in every language
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from services.mt.engine import Pair

DATA = Path(__file__).parents[3] / "shared" / "data" / "mt"
NEWS = "newstest2013"
_PROMPTS = "/usr/share/doc/asterisk-core-sounds-{0}/core-sounds-{0}.txt.gz"
_LANGUAGES = ("en", "es", "fr", "it")
_PROMPT = re.compile(r"^(?P<name>[\w/-]+): *(?P<text>.*\S)")
_LEAST_WORDS = 4  # of a prompt: shorter ones are pieces of sentences


@dataclass(frozen=True, slots=True)
class Texts:
    """Parallel texts of one pair."""

    name: str
    pair: Pair
    sources: tuple[str, ...]
    references: tuple[str, ...]


def parallel(data: Path, lines: int) -> Iterator[Texts]:
    """All parallel texts there are on this machine: so many lines of each, and those of a file after them apart."""
    for path in sorted(data.glob("*.tsv")):
        name, _, languages = path.stem.rpartition(".")
        one, other = languages.split("-")
        rows = [row.split("\t") for row in path.read_text().splitlines()]
        for label, part in ((name, rows[:lines]), (f"{name}, lines {lines + 1} to {len(rows)}", rows[lines:])):
            if part:
                yield from _both(label, (one, [row[0] for row in part]), (other, [row[1] for row in part]))
    prompts = {language: _prompts(Path(_PROMPTS.format(language))) for language in _LANGUAGES}
    for source, target in permutations(_LANGUAGES, 2):
        shared = [name for name in prompts["en"] if name in prompts[source] and name in prompts[target]][:lines]
        if shared:
            there, here = prompts[source], prompts[target]
            yield Texts(
                "prompts",
                Pair(source, target),
                tuple(there[name] for name in shared),
                tuple(here[name] for name in shared),
            )


def _both(name: str, one: tuple[str, list[str]], other: tuple[str, list[str]]) -> Iterator[Texts]:
    for (source, sources), (target, references) in ((one, other), (other, one)):
        yield Texts(name, Pair(source, target), tuple(sources), tuple(references))


def _prompts(path: Path) -> dict[str, str]:
    """The sentences of a package's list, by the names of their prompts; empty where the package is not installed."""
    if not path.exists():
        return {}
    lines = map(_PROMPT.match, gzip.decompress(path.read_bytes()).decode().splitlines())
    found = {line["name"]: line["text"] for line in lines if line}
    return {name: text for name, text in found.items() if _is_sentence(text)}


def _is_sentence(text: str) -> bool:
    return len(text.split()) >= _LEAST_WORDS and not text.startswith(("[", "(", "..."))
