"""Turns texts into a voice's symbols: espeak-ng's phonemes, as for Piper's voices, or characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.common.text import ipa
from services.tts.engine import Clause, Pronunciation
from services.tts.pronouncing import parts

SENTENCE_ENDS = ".?!"
PAD, BEGIN, END = "_^$"

# In other scripts, too; the wide ones have no space behind them.
_WIDE = dict(zip("\u3002\uff0c\u3001\uff1a\uff1b\uff1f\uff01", ".,,:;?!", strict=True))
_MARKS = {mark: mark for mark in ".,:;?!"} | dict(zip("\u061f\u060c\u061b\u2026\u0964", "?,;..", strict=True)) | _WIDE
_MARK = re.compile(rf"[{''.join(_MARKS)}]+(?=[\s\"'\u00bb\u201d\u2019)\]]|$)|[{''.join(_WIDE)}]+")
_SWITCH = re.compile(r"\([a-z-]+\)")  # where espeak-ng takes a word for one of another language


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of text without marks, or a pronunciation, and the marks behind it."""

    said: str | Pronunciation
    mark: str  # as the voices know it
    spaced: bool  # from what follows


def fragments(clause: Clause) -> list[Fragment]:
    """Split a clause into the fragments that are phonemized one by one."""
    found: list[Fragment] = []
    for part in parts(clause):
        if isinstance(part, Pronunciation):
            found.append(Fragment(part, "", False))
            continue
        if found and part[:1].isspace():
            found[-1] = Fragment(found[-1].said, found[-1].mark, True)
        found += _cut(part)
    return found


def _cut(text: str) -> Iterator[Fragment]:
    start = 0
    for match in _MARK.finditer(text):
        yield Fragment(text[start : match.start()], _MARKS[match.group()[0]], True)
        start = match.end()
    if text[start:]:
        yield Fragment(text[start:], "", text[-1].isspace())


def sentences(fragments: Iterable[Fragment], told: Iterable[str]) -> Iterator[str]:
    """Yield the phonemes of each sentence, with its marks, from those of the fragments."""
    sentence = ""
    for fragment, phonemes in zip(fragments, told, strict=True):
        sentence += phonemes
        if fragment.mark:
            sentence = sentence.rstrip() + fragment.mark
        if fragment.spaced:
            sentence += " "
        if fragment.mark and fragment.mark in SENTENCE_ENDS:
            yield sentence.strip()
            sentence = ""
    yield sentence.strip()


def cleaned(lines: Sequence[str]) -> str:
    """Return espeak-ng's answer about a fragment on one line, without its language notes."""
    return " ".join(_SWITCH.sub("", " ".join(lines)).split())


@dataclass(frozen=True, slots=True)
class Symbols:
    """The phoneme_id_map of a voice in Piper's layout."""

    ids: Mapping[str, tuple[int, ...]]  # by code points of decomposed IPA

    @property
    def sounds(self) -> tuple[str, ...]:
        """The IPA symbols that pronunciations may use: letters, diacritics, and both as one code point."""
        letters = {key for key in self.ids if len(key) == 1 and unicodedata.category(key)[0] == "L"}
        signs = {key for key in self.ids if len(key) == 1 and unicodedata.category(key) == "Mn"}
        joined = {unicodedata.normalize("NFC", letter + sign) for letter in letters for sign in signs}
        single = {each for each in joined if len(each) == 1}
        return tuple(sorted((letters | signs | single) - {*ipa.STRESSES, PAD, BEGIN, END}))

    def spelled(self, phonemes: str) -> list[int]:
        """Return a sentence's ids: beginning, phonemes, end, and pads between. Unknown phonemes are left out.

        Nothing for a sentence without any sound.
        """
        known = [char for char in unicodedata.normalize("NFD", phonemes) if char in self.ids]
        if not any(unicodedata.category(char)[0] == "L" and char not in ipa.STRESSES for char in known):
            return []
        found = list(self.ids[BEGIN])
        for char in known:
            found += [*self.ids[PAD], *self.ids[char]]
        return [*found, *self.ids[PAD], *self.ids[END]]

    def some(self) -> list[int]:
        """Return ids to try the voice with: the first sounds, and the symbols with the highest ids."""
        marks = {PAD, BEGIN, END}
        last = sorted(
            (key for key in self.ids if len(key) == 1 and key not in marks), key=lambda key: max(self.ids[key])
        )
        return self.spelled("".join((*self.sounds[:12], *last[-12:])))

    def pronounced(self, pronunciation: str) -> str:
        """Return a pronunciation as espeak-ng writes phonemes: stress before the vowel, not before the syllable as
        in IPA.
        """
        return ipa.as_espeak(pronunciation, self.sounds)


@dataclass(frozen=True, slots=True)
class Characters:
    """The vocabulary of a voice that reads characters (transformers' VitsTokenizer)."""

    ids: Mapping[str, int]
    blanks: bool  # the symbol 0 stands between all others
    lowered: bool
    replaced: Mapping[str, str]

    def spelled(self, text: str) -> list[int]:
        """Return a text's ids, without characters that the voice does not know; none for a text without any sound."""
        plain = "".join(self.replaced.get(char, char) for char in text)
        if self.lowered:
            plain = "".join(char if char in self.ids else char.lower() for char in plain)
        known = "".join(char for char in plain if char in self.ids).strip()
        if not any(char.isalnum() for char in known):
            return []
        ids = [self.ids[char] for char in known]
        if not self.blanks:
            return ids
        found = [0] * (2 * len(ids) + 1)
        found[1::2] = ids
        return found

    def some(self) -> list[int]:
        """Return ids to try the voice with: the letters with the highest ids."""
        letters = [char for char in self.ids if len(char) == 1 and char.isalpha()]
        return self.spelled("".join(sorted(letters, key=self.ids.__getitem__)[-24:]))
