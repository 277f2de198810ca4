"""A translation under construction: the model's tokens, and words in a fixed spelling."""

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
    """A run of tokens, with their spelling where that is fixed."""

    ids: tuple[int, ...]
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A translation as runs of tokens, in order."""

    runs: tuple[Run, ...] = ()

    @property
    def ids(self) -> list[int]:
        """The tokens of all runs."""
        return [each for run in self.runs for each in run.ids]

    @property
    def telling(self) -> list[int]:
        """Indexes of the tokens whose likelihood tells how well fixed words fit: of a fixed run only the first.

        The rest of a fixed word is as likely as the word is common.
        """
        fixed = [run.written is not None and bool(place) for run in self.runs for place in range(len(run.ids))]
        return [place for place, each in enumerate(fixed) if not each]

    def then(self, ids: Sequence[int], written: str | None = None) -> Wording:
        """Return the wording with one more run at the end."""
        return replace(self, runs=(*self.runs, Run(tuple(ids), written))) if ids or written else self

    def replaced(self, number: int, words: Words, fixed: Run) -> Wording:
        """Return the wording with a fixed run in place of some words of run `number`."""
        ids = self.runs[number].ids
        parts = (Run(ids[: words.start]), fixed, Run(ids[words.end :]))
        kept = [part for part in parts if part.ids or part.written]
        return Wording((*self.runs[:number], *kept, *self.runs[number + 1 :]))

    def with_last(self, fixed: Run, tokenizer: Tokenizer) -> Wording:
        """Return the wording with a fixed run at the end, before the marks that end the last run."""
        last = self.runs[-1] if self.runs and self.runs[-1].written is None else Run(())
        count = len(last.ids)
        while count and not any(char.isalnum() for char in tokenizer.text(last.ids[count - 1 :])):
            count -= 1
        before = self.runs[:-1] if last.ids else self.runs
        kept = [part for part in (Run(last.ids[:count]), fixed, Run(last.ids[count:])) if part.ids or part.written]
        return Wording((*before, *kept))

    def begins(self, number: int, words: Words, tokenizer: Tokenizer) -> bool:
        """Return whether a run's words are the first words of the wording."""
        before = [each for run in self.runs[:number] for each in run.ids]
        return not any(char.isalnum() for char in tokenizer.text([*before, *self.runs[number].ids[: words.start]]))

    def text(self, tokenizer: Tokenizer) -> str:
        """Return the wording's text. A space goes between runs where the model has one, and before fixed words."""
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
    """Return the text that ids add to that of the ids before them."""
    old, both = tokenizer.text(before), tokenizer.text([*before, *ids])
    new = both[len(old) :] if both.startswith(old) else f" {tokenizer.text(ids)}"
    return _SPACES.sub(" ", new)
