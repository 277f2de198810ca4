"""Finds nouns that stand in for terms, so that the words around a term agree with its translation.

"The account" with a made-up word becomes "el xqz"; with "guitar" for it, "la guitarra", and put back "la cuenta". The
analyser of the target language gives gender and number of a term's translation, and of the translations of some nouns.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from services.common.text.terminology import Term
from services.mt.engines.embedded.lines import answered
from services.mt.engines.embedded.marks import escaped, unescaped, unmarked
from services.mt.engines.embedded.modes import Command
from services.mt.glossary import Noun

# Of both genders where there are two, regular in English, and seldom in a text.
_CANDIDATES = ("guitar", "castle", "carrot", "monk", "goat", "melon", "tower", "violin", "turtle", "lion")
_UNIT = re.compile(r"\^([^$]*)\$")
_NOUN = re.compile(r"<n>(?:<[^>]*>)*?<(?P<gender>[mf])><(?P<number>sg|pl)>")
_BEFORE_A_NOUN = re.compile(r"<(?:det|num|adj|predet)>")
_KNOWN_FORMS = 5_000
_ELIDED = re.compile(r"[aeiouh\u00e0-\u00ff]", re.IGNORECASE)  # an article before it changes


@dataclass(frozen=True, slots=True)
class Form:
    """Gender and number of a noun, which the words around it agree with."""

    gender: str  # "m" or "f"
    number: str  # "sg" or "pl"


Ask: TypeAlias = Callable[[str], Awaitable[str]]


class Agreement:
    """Finds stand-in nouns for the terms of one pair; without an analyser there are none."""

    def __init__(self, analyser: Command, ask: Ask) -> None:
        self._analyser = analyser
        self._ask = ask
        self._nouns: dict[Form, list[Noun]] | None = None  # learned when first needed
        self._forms: dict[str, Form | None] = {}

    async def nouns(self, terms: Iterable[Term]) -> Mapping[Term, Sequence[Noun]]:
        """Return the nouns that may stand in for each term; terms that are kept are names, and have none."""
        translated = [term for term in terms if term.translation]
        if not self._analyser or not translated:
            return {}
        if self._nouns is None:
            self._nouns = await self._learned()
        unknown = {term.translation for term in translated} - self._forms.keys()
        if len(self._forms) + len(unknown) > _KNOWN_FORMS:
            self._forms.clear()
        await self._look_up(sorted({term.translation for term in translated} - self._forms.keys()))
        forms = {term: self._forms[term.translation] for term in translated}
        return {term: self._nouns.get(form, ()) for term, form in forms.items() if form}

    async def _look_up(self, texts: Sequence[str]) -> None:
        if texts:
            self._forms.update(zip(texts, await analysed(self._analyser, texts), strict=True))

    async def _learned(self) -> dict[Form, list[Noun]]:
        asked = [*_CANDIDATES, *(f"{noun}s" for noun in _CANDIDATES)]
        answers = [unescaped(unmarked(await self._ask(f"{noun} ."))).rstrip(" .").strip().lower() for noun in asked]
        nouns: dict[Form, list[Noun]] = {}
        for noun, answer, form in zip(asked, answers, await analysed(self._analyser, answers), strict=True):
            if form and answer.isalpha() and answer != noun and not _ELIDED.match(answer):
                nouns.setdefault(form, []).append(Noun(noun, answer))
        return nouns


async def analysed(analyser: Command, texts: Sequence[str]) -> list[Form | None]:
    """Analyse texts, and return the form of each one's head noun; None where the analyser does not know it."""
    answers = await answered(analyser, [escaped(" ".join(text.split())) for text in texts])
    return [form_of(answer) for answer in answers]


def form_of(analysis: str) -> Form | None:
    """Return gender and number of an analysis' first noun, if only articles and the like stand before it."""
    for unit in _UNIT.findall(analysis):
        if noun := _NOUN.search(unit):
            return Form(noun["gender"], noun["number"])
        if not _BEFORE_A_NOUN.search(unit):
            return None
    return None
