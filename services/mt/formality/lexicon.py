"""Verb forms of one language, looked up in Apertium's dictionaries: those of the second person, and the third's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.mt.engines.embedded.lines import answered
from services.mt.engines.embedded.marks import escaped
from services.mt.engines.embedded.modes import MARK_UNKNOWN, Command
from services.mt.recent import Recent

_MOST_WORDS = 20_000  # that are remembered
_UNIT = re.compile(r"\^([^/$]*)/([^$]*)\$")
_VERB = re.compile(r"<vb[a-z]*>")
_ENCLITIC = "+prpers<prn><enc>"


@dataclass(frozen=True, slots=True)
class Form:
    """A word that may be a verb of the second person."""

    third: str = ""  # the verb as it is said to strangers; empty: it is none of the second person
    named: bool = False  # whether the word is a noun or an adjective as well
    attached: bool = False  # whether "te" is attached to it, as in "verte"


_NONE = Form()


def generator_of(stages: Sequence[Command]) -> Command:
    """Return the stage of a pair that writes the forms of words, as a command that ends with its input."""
    found = next((stage for stage in stages if stage[0] == "lt-proc" and MARK_UNKNOWN in stage), ())
    return tuple(argument for argument in found if argument != "-z")


class Lexicon:
    """The forms of words of one language, each looked up once in a while."""

    def __init__(self, analyser: Command, generator: Command, seconds: float = math.inf) -> None:
        """A word that was not asked for within some seconds is dropped by `forget`."""
        self._analyser = analyser
        self._generator = generator
        self._known: Recent[str, Form] = Recent(_MOST_WORDS, seconds)

    async def forms(self, words: Iterable[str]) -> dict[str, Form]:
        """Return the form of each word in small letters."""
        found = {word: self._known.get(word) for word in dict.fromkeys(words)}
        unknown = [word for word, form in found.items() if form is None]
        looked_up = dict(zip(unknown, await self._looked_up(unknown), strict=True)) if unknown else {}
        for word, form in looked_up.items():
            self._known.put(word, form)
        return {word: form or looked_up[word] for word, form in found.items()}

    def forget(self) -> float:
        """Drop what is too old; return after how many seconds there is more."""
        return self._known.forget()

    async def _looked_up(self, words: Sequence[str]) -> list[Form]:
        answers = await answered(self._analyser, [escaped(word) for word in words])
        readings = [_readings(answer) for answer in answers]
        verbs = [_second_person(each) for each in readings]
        asked = [f"^{_to_strangers(verb)}$" for verb in verbs if verb]
        thirds = iter(await answered(self._generator, asked) if asked else [])
        return [_form(reading, next(thirds, "") if verb else "") for reading, verb in zip(readings, verbs, strict=True)]


def _readings(answer: str) -> list[str]:
    unit = _UNIT.search(answer)
    return unit[2].split("/") if unit else []


def _second_person(readings: Sequence[str]) -> str:
    """Return the reading that is a verb of the second person, where no other person's verb is written so."""
    verbs = [each for each in readings if _VERB.search(each.partition("+")[0])]
    second = [each for each in verbs if "<p2>" in each.partition("+")[0]]
    return second[0] if second and len(second) == len(verbs) else ""


def _to_strangers(reading: str) -> str:
    return reading.replace("<p2>", "<p3>")


def _form(readings: Sequence[str], third: str) -> Form:
    attached = any(f"{_ENCLITIC}<p2>" in each for each in readings)
    known = third if third and not third.startswith(("#", "@", "*")) else ""
    named = any(not _VERB.search(each) for each in readings)
    return Form(known, named, attached) if known or attached else _NONE
