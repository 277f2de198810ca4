"""Converts IPA to espeak-ng's own names of phonemes, which differ between its languages.

No table is kept: espeak-ng is asked how it writes each of its phonemes in IPA, in the language of the voice, and that
is read backwards. A phoneme that a language lacks comes back empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.common.text import ipa
from services.tts import espeak

# Names in use across its languages (phsource/ in its repository); of two for one sound the first counts.
_VOWEL_NAMES = """a e i o u E O @ I U y Y A V 3 3: 0 & W 1 8 a# i2 I2 I# @2 A: a: e: E: i: o: O: u: y: Y: W: @:
aI aU eI oI OI oU eU @U E~ A~ O~ W~ a~ e~ i~ o~ u~"""
_CONSONANT_NAMES = """p b t d k g f v T D s z S Z h x X C j w l r R m n N n^ l^ L B Q J J^ c q ? H ts dz tS dZ tS; dZ;
S; Z; s; z; s. z. t. d. n. l. l# * t# pF M G R2 r/ Q" K P"""
_VOWELS, _CONSONANTS = _VOWEL_NAMES.split(), _CONSONANT_NAMES.split()
# Some change at the end of a word: a consonant is asked for before a vowel, a vowel before a consonant. A vowel is
# asked for with stress: from version 1.52 on, Catalan takes one without for its reduced form.
_VOWEL_BESIDE, _CONSONANT_BESIDE = "a", "s"
_IPA = re.compile(r"(?:[^\W\d_A-Z]|[\u0300-\u036f])+")
_STRESS = dict(zip(ipa.STRESSES, "',", strict=True))


@dataclass(frozen=True, slots=True)
class Phonemes:
    """The phonemes of one language: espeak-ng's name of each IPA symbol, and which are vowels."""

    names: Mapping[str, str]  # by IPA
    vowels: frozenset[str]  # in IPA

    @property
    def symbols(self) -> tuple[str, ...]:
        """The IPA symbols that pronunciations may use, beside stress marks."""
        return tuple(sorted(self.names))

    def written(self, pronunciation: str) -> str:
        """Return a pronunciation in espeak-ng's phoneme names. Raises UnknownSymbol.

        IPA sets stress before the syllable, espeak-ng before the vowel.
        """
        words: list[list[str]] = [[]]
        stress = ""
        for symbol in ipa.symbols_of(pronunciation, self.names):
            if symbol in ipa.PAUSES:
                words.append([])
            elif symbol in _STRESS:
                stress = _STRESS[symbol]
            elif symbol in self.vowels:
                words[-1].append(stress + self.names[symbol])
                stress = ""
            else:
                words[-1].append(self.names[symbol])
        return " ".join("|".join(word) for word in words)


async def phonemes(program: str, voice: str) -> Phonemes:
    """Ask espeak-ng for the phonemes of a voice's language. Raises StageFailed without the program."""
    probes = [_VOWEL_BESIDE, _CONSONANT_BESIDE, *(f"'{name}|{_CONSONANT_BESIDE}" for name in _VOWELS)]
    probes += (f"{name}|{_VOWEL_BESIDE}" for name in _CONSONANTS)
    text = "\n\n".join(f"[[{probe}]]" for probe in probes)
    answers = (await espeak.answer(program, ("-v", voice, "-q", "--ipa", "--stdin"), text)).splitlines()
    if len(answers) != len(probes):
        return Phonemes({}, frozenset())
    vowel, consonant, *told = (_unstressed(answer) for answer in answers)
    names: dict[str, str] = {}
    for name, sound in zip((*_VOWELS, *_CONSONANTS), told, strict=True):
        symbol = sound.removesuffix(consonant if name in _VOWELS else vowel)  # twice the same is its way to say long
        if _IPA.fullmatch(symbol) and symbol[: len(symbol) // 2] * 2 != symbol:
            names.setdefault(symbol, name)
    return Phonemes(names, frozenset(symbol for symbol, name in names.items() if name in _VOWELS))


def _unstressed(told: str) -> str:
    return ipa.plain(told).translate(dict.fromkeys(map(ord, ipa.STRESSES)))
