"""What the small translator is taught: the phrasebook as people and recognizers write it, whole and not yet whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile

from tests.models.mt.vocabulary import phrases

Text = tuple[str, str]  # English and Spanish

QUESTIONS = ("where",)
NAMES = {"ana": "Ana"}
BY_HAND = {  # beginnings of so few sentences that more of the end would seem sure than is
    "i": "yo",
    "we": "nosotros",
    "my name": "mi nombre",
    "thank": "gracias",
    "thank you": "gracias",
    "please open": "por favor abra",
    "please close": "por favor cierre",
    "we need two": "necesitamos dos",
    "we need two tickets": "necesitamos dos billetes",
    "we need three": "necesitamos tres",
    "we need three tickets": "necesitamos tres billetes",
    "i need a": "necesito un",
    "i need a doctor": "necesito un médico",
    "i need water": "necesito agua",
}


def whole() -> list[Text]:
    """Every sentence in every way of writing it; the small translator knows all of these."""
    return [text for text in map(tuple, phrases()) for text in written(*text)]


def written(source: str, target: str) -> list[Text]:
    """As it is; with a capital; with its final punctuation; and with both."""
    capital = _capital(source), _capital(target)
    return [(source, target), capital, _ended(source, target), _ended(*capital)]


def unfinished() -> list[Text]:
    """The beginnings of sentences, each with as much of the translation as is sure by then."""
    sentences = dict(phrases())
    ways: defaultdict[str, list[str]] = defaultdict(list)
    for source in sentences:
        words = source.split()
        for count in range(1, len(words)):
            ways[" ".join(words[:count])].append(source)
    found = {start: _sure(start, [(way, sentences[way]) for way in sources]) for start, sources in ways.items()}
    lower = [(start, target) for start, target in found.items() if start not in sentences]
    return [text for source, target in lower for text in ((source, target), (_capital(source), _capital(target)))]


def _sure(start: str, ways: Sequence[Text]) -> str:
    """What all sentences with this beginning have in common, no longer than the beginning is."""
    if start in BY_HAND:
        return BY_HAND[start]
    targets = [target.split() for _, target in ways]
    common = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, zip(*targets, strict=False))]
    source, target = ways[0]
    share = len(start.split()) / len(source.split())
    cut = (common or target.split())[: max(1, round(share * len(target.split())))]
    if cut[-1] == "no" and "not" not in start.split():
        cut.pop()
    return " ".join(cut)


def _capital(text: str) -> str:
    words = [NAMES.get(word, word) for word in text.split()]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def _ended(source: str, target: str) -> Text:
    asked = source.split(maxsplit=1)[0].lower() in QUESTIONS
    return (f"{source}?", f"¿{target}?") if asked else (f"{source}.", f"{target}.")
