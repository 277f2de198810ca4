"""A model's letters: which terms it can be biased to, and whether its words are written with capitals."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_BETWEEN = "/"  # phrases, as sherpa-onnx takes them


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The letters of a model's tokens, and how it uses capitals."""

    letters: frozenset[str]  # those that are tokens by themselves, from which every word can be spelled
    capitals: bool  # it knows no others
    written: bool  # it knows both

    def plain(self, text: str) -> str:
        """Return words in lower case where the model has capitals only, else as they are."""
        return text.lower() if self.capitals else text

    def hotwords(self, phrases: Sequence[str]) -> str:
        """Return the phrases as sherpa-onnx's hotword string, without those that the model cannot spell.

        Those with a letter the model does not have are left out: sherpa-onnx would take none of them, and write all of
        them to its log.
        """
        spelled = [self._spelled(phrase) for phrase in phrases]
        known = [phrase for phrase in spelled if phrase and self.letters.issuperset(phrase.replace(" ", ""))]
        if len(known) < len(phrases):
            log.info("terms not spelled", extra={"fields": {"left_out": len(phrases) - len(known)}})
        return _BETWEEN.join(known)

    def _spelled(self, phrase: str) -> str:
        words = " ".join(phrase.split())
        if self.capitals:
            return words.upper()
        return words if self.written else words.lower()


def alphabet(path: Path) -> Alphabet:
    """Read the letters of a tokens.txt: one token a line, with its id behind it."""
    tokens = [line.rpartition(" ")[0] for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = "".join(token for token in tokens if not (token.startswith("<") and token.endswith(">")))
    upper, lower = any(map(str.isupper, said)), any(map(str.islower, said))
    return Alphabet(frozenset(token for token in tokens if len(token) == 1), upper and not lower, upper and lower)
