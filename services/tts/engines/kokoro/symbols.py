"""Converts espeak-ng's IPA into Kokoro's symbols. Pure.

The ids are those of the `vocab` in Kokoro-82M's published config.json; the graph does not hold them. The network was
trained on one letter for each diphthong and affricate, so espeak-ng is asked to join their parts with a tie.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from services.common.text import ipa

TIE = "^"  # between the parts of one sound, in what espeak-ng writes
PAD = 0  # stands at both ends of a sentence
MOST = 510  # symbols of a sentence, without the pads: more are refused by the network
LONG = 400  # of a sentence that is spoken at once: it hurries through longer ones
SPACE = " "

_NASAL, _SYLLABIC, _LONG = "\u0303", "\u0329", "\u02d0"
_TWICE = "s^s"
_MARKS = ";:,.!?\u2014\u2026"
_UNHEARD = frozenset(f"{TIE}-")
_NO_IPA = frozenset("\u1d4a\u1d5d\uab67")
_IDS_OF = {
    1: ";:,.!?",
    9: '\u2014\u2026"()\u201c\u201d',
    16: f"{SPACE}{_NASAL}\u02a3\u02a5\u02a6\u02a8\u1d5d\uab67AI",
    31: "O",
    33: "Q",
    35: "ST",
    39: "W",
    41: "Y\u1d4aabcdef",
    50: "hijklmnopqrstuvwxyz\u0251\u0250\u0252\u00e6",
    75: "\u03b2\u0254\u0255\u00e7",
    80: "\u0256\u00f0\u02a4\u0259",
    85: "\u025a\u025b\u025c",
    90: "\u025f",
    92: "\u0261",
    99: "\u0265",
    101: "\u0268\u026a\u029d",
    110: "\u026f\u0270\u014b\u0273\u0272\u0274\u00f8",
    118: "\u0278\u03b8\u0153",
    123: "\u0279",
    125: "\u027e\u027b",
    128: "\u0281\u027d\u0282\u0283\u0288\u02a7",
    135: "\u028a\u028b",
    138: "\u028c\u0263\u0264",
    142: "\u03c7\u028e",
    147: "\u0292\u0294",
    156: f"\u02c8\u02cc{_LONG}",
    162: "\u02b0",
    164: "\u02b2",
    169: "\u2193",
    171: "\u2192\u2197\u2198",
    177: "\u1d7b",
}
IDS: Mapping[str, int] = {
    symbol: first + place for first, symbols in _IDS_OF.items() for place, symbol in enumerate(symbols)
}

# Sounds of several letters that have one of their own, in all languages and in those of English.
_JOINED = {
    "a^\u026a": "I",
    "a^\u028a": "W",
    "e^\u026a": "A",
    "o^\u028a": "O",
    "\u0259^\u028a": "Q",
    "\u0254^\u026a": "Y",
    "d^z": "\u02a3",
    "d^\u0292": "\u02a4",
    "t^s": "\u02a6",
    "t^\u0283": "\u02a7",
    _TWICE: "S",
    "g": "\u0261",
    "\u026b": "l",
    "\u026c": "l",
}
_ENGLISH = {
    f"n{_SYLLABIC}": "\u1d4an",
    f"l{_SYLLABIC}": "\u1d4al",
    f"m{_SYLLABIC}": "\u1d4am",
    "\u0259^l": "\u1d4al",
    "\u0294": "t",
    "\u025a": "\u0259\u0279",
    "r": "\u0279",
    "x": "k",
    "\u00e7": "k",
    "\u02b2": "",
    _NASAL: "",
}
_AMERICAN = {"\u027e": "T", "\u025c\u02d0": "\u025c\u0279", "\u0250": "\u0259", "\u026a^\u0259": "i\u0259", _LONG: ""}
_BRITISH = {"e^\u0259": "\u025b\u02d0", "\u027e": "t"}


@dataclass(frozen=True, slots=True)
class Language:
    """A language in Kokoro's symbols: its espeak-ng voice, and the sounds that are replaced."""

    tag: str  # BCP-47
    espeak_voice: str  # that writes its phonemes
    letter: str  # that the names of its voices begin with
    replaced: Mapping[str, str]  # sounds of espeak-ng by what stands for them, beside those of IDS

    def written(self, phonemes: str) -> str:
        """Return espeak-ng's phonemes and a sentence's marks as Kokoro's symbols; what has no symbol is left out."""
        return "".join(char for char in self._replaced(phonemes) if char in IDS)

    def unknown(self, phonemes: str) -> set[str]:
        """Return the characters of espeak-ng's phonemes that have no symbol."""
        return set(self._replaced(phonemes)) - IDS.keys() - _UNHEARD

    @property
    def sounds(self) -> frozenset[str]:
        """The IPA symbols that pronunciations may use."""
        letters = {char for char in IDS if unicodedata.category(char) == "Ll" and char not in _NO_IPA}
        nasal = {unicodedata.normalize("NFC", vowel + _NASAL) for vowel in letters & ipa.VOWELS}
        joined = {sound.replace(TIE, "") for sound in _JOINED if TIE in sound and sound != _TWICE}
        return frozenset({*letters, *joined, *(each for each in nasal if len(each) == 1), _NASAL, _LONG})

    def pronounced(self, pronunciation: str) -> str:
        """Return a pronunciation as espeak-ng writes phonemes: stress before the vowel, not before the syllable as
        in IPA.
        """
        return ipa.as_espeak(pronunciation, self.sounds, TIE)

    def _replaced(self, phonemes: str) -> str:
        """Replace sounds with their symbols, the longest first."""
        sounds = {**_JOINED, **self.replaced}
        longest_first = sorted(sounds, key=len, reverse=True)
        text = unicodedata.normalize("NFD", phonemes).replace("c\u0327", "\u00e7")
        return re.sub("|".join(map(re.escape, longest_first)), lambda found: sounds[found.group()], text)


LANGUAGES = (
    Language("es", "es", "e", {}),
    Language("pt-BR", "pt-br", "p", {}),
    Language("en-US", "en-us", "a", _ENGLISH | _AMERICAN),
    Language("en-GB", "en-gb", "b", _ENGLISH | _BRITISH),
    Language("fr-FR", "fr-fr", "f", {}),
    Language("it", "it", "i", {}),
)


def split(symbols: str, most: int = LONG) -> list[str]:
    """Split a sentence's symbols into parts of at most `most`: behind marks where possible, else between words.

    The parts are as few as that allows.
    """
    found, rest = [], symbols.strip()
    while len(rest) > most:
        at = max(rest.rfind(mark, most // 2, most) for mark in f"{_MARKS}")
        if at < 0:
            at = rest.rfind(SPACE, 1, most)
        at = most - 1 if at < 0 else at
        found.append(rest[: at + 1].strip())
        rest = rest[at + 1 :].strip()
    return [part for part in (*found, rest) if any(unicodedata.category(char)[0] == "L" for char in part)]


def ids(symbols: str) -> list[int]:
    """Return the network's ids of symbols."""
    return [IDS[symbol] for symbol in symbols]
