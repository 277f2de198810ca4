"""Which pairs have which registers, and how a translation is put into one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path

from services.mt.engine import Pair
from services.mt.engines.embedded.modes import analyser_of, commands, installed
from services.mt.formality.lexicon import Lexicon, generator_of
from services.mt.formality.portuguese import formal as formal_portuguese
from services.mt.formality.portuguese import informal as informal_portuguese
from services.mt.formality.spanish import formal as formal_spanish
from services.mt.formality.spanish import informal as informal_spanish
from services.mt.ways import Way


class Register(IntEnum):
    """A register of a translation, as the contract numbers it."""

    AS_IT_COMES = 0
    FORMAL = 1
    INFORMAL = 2


_APERTIUM, _FIREFOX = "embedded", "firefox"
# By pair without regions and the engines of its way: what measured right often enough (`python -m bench.formality`).
_MEASURED: Mapping[tuple[str, Sequence[str]], Sequence[Register]] = {
    ("en>es", (_APERTIUM,)): (Register.FORMAL, Register.INFORMAL),
    ("en>es", (_FIREFOX, _APERTIUM)): (Register.FORMAL,),  # INFORMAL takes the direct way
    ("en>pt", (_FIREFOX,)): (Register.FORMAL, Register.INFORMAL),
}


class Registers:
    """Puts translations into a register, by the verb forms of the dictionaries that are installed."""

    def __init__(self, modes: Path, seconds: float = math.inf) -> None:
        """Words are remembered for some seconds after they were needed last."""
        self._modes = modes
        self._seconds = seconds
        self._spanish: Lexicon | None = None

    def start(self) -> None:
        """Look for the dictionaries."""
        found = installed(self._modes)
        into, out_of = (found.get(pair) for pair in (Pair("en", "es"), Pair("es", "en")))
        if into and out_of:
            analyser, generator = analyser_of(commands(out_of.read_text())), generator_of(commands(into.read_text()))
            self._spanish = Lexicon(analyser, generator, self._seconds) if analyser and generator else None

    def forget(self) -> float:
        """Drop words that are too old; return after how many seconds there are more."""
        return self._spanish.forget() if self._spanish else math.inf

    def of(self, way: Way) -> Sequence[Register]:
        """Return the registers that a pair's way has."""
        measured = _MEASURED.get((way.pair.languages, tuple(step.engine for step in way.steps)), ())
        return measured if not way.pair.languages.endswith(">es") or self._spanish else ()

    async def put(self, text: str, pair: Pair, register: int) -> str:
        """Return a translation in a register that the pair has."""
        if pair.languages.endswith(">pt"):
            return formal_portuguese(text) if register == Register.FORMAL else informal_portuguese(text)
        if self._spanish is None:
            return text
        if register == Register.INFORMAL:
            return informal_spanish(text)
        return await formal_spanish(text, self._spanish)
