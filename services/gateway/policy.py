"""The simultaneous policy of one target: when a segment is translated, and which words of it are concluded for good.

A segment is translated again and again while its source grows. Ours, `LocalAgreement`, concludes the words on which
successive translations agree. The others are what it is measured against (`quality` in bench). Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Protocol

from services.gateway.alignment import alignment, common_prefix, contradicted
from services.gateway.terms import Caption, Holding, Transcript

_WORD = re.compile(r"\S+")


class Policy(Protocol):
    """Decides whether to wait or to conclude."""

    def source(self, said: Transcript) -> str:
        """What of an interim transcript is translated; what it was before: nothing is."""

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """How many words are concluded, given those of the translation before, and the source they were made from."""

    def shown(self, words: int, concluded: int) -> int:
        """How many words are shown when so many are concluded: some of the others may be too likely to change."""


@dataclass(frozen=True, slots=True)
class LocalAgreement:
    """Concludes what two successive translations agree on (LocalAgreement-2: Liu et al., 2020, arXiv 2005.11185).

    The last few words are held back: the next source word tends to reorder them.
    """

    held_words: int  # not concluded
    masked_words: int  # not even shown
    first_words: int = 0  # shown while nothing is concluded: whoever waits for a segment's first word sees it come

    def source(self, said: Transcript) -> str:
        """See Policy. Only what the recognizer has concluded."""
        return said.stable_text

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """See Policy."""
        return min(common_prefix(before, words), len(words) - self.held_words)

    def shown(self, words: int, concluded: int) -> int:
        """See Policy."""
        least = concluded or min(words, self.first_words)
        return max(least, words - self.masked_words)


@dataclass(frozen=True, slots=True)
class WaitK:
    """Starts `k` source words late, then concludes a word for each (Ma et al., 2019, arXiv 1810.08398)."""

    k: int

    def source(self, said: Transcript) -> str:
        """See Policy."""
        return said.stable_text

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """See Policy."""
        return min(len(words), len(_WORD.findall(source)) - self.k + 1)

    def shown(self, words: int, concluded: int) -> int:
        """See Policy."""
        return concluded


@dataclass(frozen=True, slots=True)
class Endpointed:
    """Waits for the end of the segment, as turn-based systems do."""

    def source(self, said: Transcript) -> str:
        """See Policy."""
        return ""

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """See Policy."""
        return 0

    def shown(self, words: int, concluded: int) -> int:
        """See Policy."""
        return concluded


@dataclass(frozen=True, slots=True)
class Retranslate:
    """Shows every translation of everything heard, and concludes nothing before the end."""

    def source(self, said: Transcript) -> str:
        """See Policy. The tentative words too."""
        return said.text

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """See Policy."""
        return 0

    def shown(self, words: int, concluded: int) -> int:
        """See Policy."""
        return words


def policy_of(holding: Holding) -> Policy:
    """The policy that was agreed: "agreement", "endpointed", "retranslate", or "wait-" and how many words."""
    kind, _, count = holding.policy.partition("-")
    match kind:
        case "wait":
            return WaitK(int(count))
        case "endpointed":
            return Endpointed()
        case "retranslate":
            return Retranslate()
        case _:
            return LocalAgreement(holding.held_words, holding.masked_words, holding.first_words)


class TargetText:
    """One segment in one target language.

    Whatever the translator says next, the text shown starts with what was concluded before: the new translation is
    aligned behind it. The final does too. `concluded` is what a resumed session's client has already.
    """

    def __init__(self, policy: Policy, concluded: str = "") -> None:
        self._policy = policy
        self._concluded = _WORD.findall(concluded)
        self._words = self._concluded  # and tentative ones

    @property
    def concluded(self) -> str:
        """What will not change."""
        return " ".join(self._concluded)

    def revise(self, translation: str, source: str) -> Caption:
        """Takes in the translation of a longer source."""
        before, self._words = self._words, self._behind_concluded(translation)
        concluded = self._policy.concluded(before, self._words, source)
        if concluded > len(self._concluded):
            self._concluded = self._words[:concluded]
        shown = self._policy.shown(len(self._words), len(self._concluded))
        return self._caption(self._words[:shown], final=False)

    def finish(self, translation: str) -> Caption:
        """Takes in the translation of the final source: all of it is concluded."""
        contradicts = contradicted(self._concluded, _WORD.findall(translation))
        self._concluded = self._words = self._behind_concluded(translation)
        caption = self._caption(self._words, final=True)
        return replace(caption, retranslation=translation) if contradicts else caption

    def conclude(self) -> Caption:
        """Ends the text where it stands: what was not concluded is left out."""
        return self._caption(self._concluded, final=True)

    def _behind_concluded(self, translation: str) -> list[str]:
        words = _WORD.findall(translation)
        return self._concluded + words[alignment(self._concluded, words) :]

    def _caption(self, shown: list[str], final: bool) -> Caption:
        return Caption(" ".join(shown), len(" ".join(self._concluded)), final)
