"""Pronunciations in the International Phonetic Alphabet, read by the symbols a voice has. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

STRESSES = "ˈˌ"
PAUSES = " "
VOWELS = frozenset("aeiouyøœæɶɐɑɒɔəɘɵɛɜɝɚɞɨɪɯɤʉʊʌʏᵻ")

# The letters of the IPA chart (2020) and what follows one, for voices that do not tell what they know.
CHART = (
    *"pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟwʍɥɕʑɺɧʦʣʧʤ",
    *"iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝãẽĩõũ",
    *"ːˑʰʲʷˠˤ",
    *"\u0303\u0329\u032f\u0325\u032a\u0308\u031a",  # nasal, (not) syllabic, voiceless, dental, central, no release
)

# How people write what has a sign of its own, and signs that change no sound.
_WRITTEN = {"g": "ɡ", "'": "ˈ", "\N{RIGHT SINGLE QUOTATION MARK}": "ˈ", ":": "ː"}
_SILENT = dict.fromkeys(map(ord, ".\u203f\u035c\u0361/[]"))


class UnknownSymbol(Exception):
    """Raised for a pronunciation with something that is no symbol of the voice: `symbol` is its first code point."""

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.symbol = symbol


def plain(ipa: str) -> str:
    """Return a pronunciation for comparison: composed, without brackets, ties and syllable dots."""
    text = unicodedata.normalize("NFC", ipa.translate(_SILENT))
    return " ".join("".join(_WRITTEN.get(char, char) for char in text).split())


def symbols_of(ipa: str, known: Iterable[str]) -> list[str]:
    """Split a pronunciation into symbols of `known`, longest first, stress marks and spaces included.

    Raises UnknownSymbol.
    """
    longest_first = sorted({*known, *STRESSES, *PAUSES}, key=len, reverse=True)
    rest, found = plain(ipa), []
    while rest:
        symbol = next((symbol for symbol in longest_first if rest.startswith(symbol)), "")
        if not symbol:
            raise UnknownSymbol(rest[0])
        found.append(symbol)
        rest = rest[len(symbol) :]
    return found


def as_espeak(ipa: str, known: Iterable[str], tie: str = "") -> str:
    """Return a pronunciation as espeak-ng writes phonemes: stress before the vowel, not before the syllable.

    `tie` goes between the letters of a symbol of several. Raises UnknownSymbol.
    """
    written, stress = "", ""
    for symbol in symbols_of(ipa, known):
        if symbol in STRESSES:
            stress = symbol
        elif unicodedata.normalize("NFD", symbol)[0] in VOWELS:
            written += stress + tie.join(symbol)
            stress = ""
        else:
            written += tie.join(symbol)
    return written


def complaint(ipa: str, known: Iterable[str]) -> str:
    """Return why a pronunciation cannot be spoken with the known symbols; empty when it can."""
    try:
        found = symbols_of(ipa, known)
    except UnknownSymbol as unknown:
        return f"{unknown.symbol!r} is no symbol here."
    return "" if set(found) - {*STRESSES, *PAUSES} else "It has no sound."
