"""A translation in the making: tokens of the model, and words that are written as they must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.mt.neural.terms import Words
from services.mt.neural.tokens import Tokenizer

_SPACES = re.compile(" {2,}")
_OPENING = "([{«“\u2018¿¡"


@dataclass(frozen=True, slots=True)
class Run:
    """Some tokens, and what they are written as where that is fixed."""

    ids: tuple[int, ...]
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """Runs of tokens, in order."""

    runs: tuple[Run, ...] = ()

    @property
    def ids(self) -> list[int]:
        """All tokens."""
        return [each for run in self.runs for each in run.ids]

    @property
    def telling(self) -> list[int]:
        """The places of tokens whose likelihood tells how well fixed words fit: of those, only the first.

        The rest of a fixed word is as likely as the word is common.
        """
        fixed = [run.written is not None and bool(place) for run in self.runs for place in range(len(run.ids))]
        return [place for place, each in enumerate(fixed) if not each]

    def then(self, ids: Sequence[int], written: str | None = None) -> Wording:
        """With a run more."""
        return replace(self, runs=(*self.runs, Run(tuple(ids), written))) if ids or written else self

    def replaced(self, number: int, words: Words, fixed: Run) -> Wording:
        """With a fixed run in the place of some words of the run of that number."""
        ids = self.runs[number].ids
        parts = (Run(ids[: words.start]), fixed, Run(ids[words.end :]))
        kept = [part for part in parts if part.ids or part.written]
        return Wording((*self.runs[:number], *kept, *self.runs[number + 1 :]))

    def with_last(self, fixed: Run, tokenizer: Tokenizer) -> Wording:
        """With a fixed run behind all, but for the marks that end the last one."""
        last = self.runs[-1] if self.runs and self.runs[-1].written is None else Run(())
        count = len(last.ids)
        while count and not any(char.isalnum() for char in tokenizer.text(last.ids[count - 1 :])):
            count -= 1
        before = self.runs[:-1] if last.ids else self.runs
        kept = [part for part in (Run(last.ids[:count]), fixed, Run(last.ids[count:])) if part.ids or part.written]
        return Wording((*before, *kept))

    def begins(self, number: int, words: Words, tokenizer: Tokenizer) -> bool:
        """Whether a run's words are the first of all."""
        before = [each for run in self.runs[:number] for each in run.ids]
        return not any(char.isalnum() for char in tokenizer.text([*before, *self.runs[number].ids[: words.start]]))

    def text(self, tokenizer: Tokenizer) -> str:
        """What it says. A space goes between runs where the model has one, and before fixed words."""
        said, before = "", list[int]()
        for run in self.runs:
            new = run.written if run.written is not None else _new(tokenizer, before, run.ids)
            if said and (run.written is not None or (not before and new[:1].isalnum())):
                new = " " + new
            said += new.lstrip() if not said or said[-1].isspace() or said[-1] in _OPENING else new
            if run.written is None or tokenizer.unknown not in run.ids:
                before += run.ids  # what the model cannot read says nothing of spaces
        return said


def _new(tokenizer: Tokenizer, before: Sequence[int], ids: Sequence[int]) -> str:
    """What ids add to what those before them say."""
    old, both = tokenizer.text(before), tokenizer.text([*before, *ids])
    new = both[len(old) :] if both.startswith(old) else f" {tokenizer.text(ids)}"
    return _SPACES.sub(" ", new)
