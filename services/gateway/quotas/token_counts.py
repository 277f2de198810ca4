"""Tokens that engines counted for a session or a text, by what was counted. Pure.

A count is told only where it is whole: where one answer came without its number, nobody knows the sum.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What an engine counted, in its own vocabulary."""

    RECOGNIZED = "recognized"  # tokens that speech was decoded to
    SOURCE = "source"  # tokens that were translated
    TARGET = "target"  # tokens that translations were decoded to
    SYMBOLS = "symbols"  # symbols, phonemes for most, that clauses were spoken from


@dataclass(slots=True)
class TokenCounts:
    """Tokens by kind, and how many answers came without their number."""

    known: Counter[Kind] = field(default_factory=Counter)
    untold: Counter[Kind] = field(default_factory=Counter)

    def add(self, kind: Kind, count: int | None) -> None:
        """Add what an engine counted for one answer; None where it counted nothing."""
        if count is None:
            self.untold[kind] += 1
        else:
            self.known[kind] += count

    def translated(self, source: int | None, target: int | None) -> None:
        """Add the tokens of one translation."""
        self.add(Kind.SOURCE, source)
        self.add(Kind.TARGET, target)

    def join(self, more: TokenCounts) -> None:
        """Add the counts of another."""
        self.known.update(more.known)
        self.untold.update(more.untold)

    def since(self, before: TokenCounts) -> TokenCounts:
        """Return what was added since these were as `before`."""
        return TokenCounts(self.known - before.known, self.untold - before.untold)

    def whole(self) -> dict[str, int]:
        """Return the counts that are whole, by kind."""
        return {kind.value: self.known[kind] for kind in Kind if not self.untold[kind]}
