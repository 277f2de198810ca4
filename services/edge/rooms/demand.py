"""Which languages of a room are wanted, at all its edges, and for how long still. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.edge.rooms.values import SPOKEN, Wish

FOREVER = float("inf")
CAPTIONS, VOICE, ORIGINAL = "captions", "voice", "original"


@dataclass(frozen=True, slots=True)
class Want:
    """How many members want what of one language."""

    captions: int = 0
    voice: int = 0
    original: int = 0


def counted(wishes: Iterable[Wish]) -> dict[str, Want]:
    """Return how often each language is wanted, in the order in which they are first named."""
    found: dict[str, Want] = {}
    for wish in wishes:
        before = found.get(wish.lang, Want())
        found[wish.lang] = Want(
            before.captions + wish.captions, before.voice + wish.voice, before.original + wish.original
        )
    return found


@dataclass(slots=True)
class Demand:
    """What the members of a room want. What nobody wants any more is kept for a while: people change their minds."""

    hold_seconds: float
    edges: dict[str, Mapping[str, Want]] = field(default_factory=dict)
    _until: dict[str, dict[str, float]] = field(default_factory=lambda: {CAPTIONS: {}, VOICE: {}})

    def tell(self, edge: str, wants: Mapping[str, Want], now: float) -> bool:
        """Record what the members at one edge want; return whether that changes anything."""
        if self.edges.get(edge, {}) == wants:
            return False
        self.edges[edge] = wants
        total = self.total()
        for kind, until in self._until.items():
            wanted = [lang for lang, want in total.items() if lang != SPOKEN and getattr(want, kind)]
            for lang in wanted:
                until[lang] = FOREVER
            for lang, end in until.items():
                if end == FOREVER and lang not in wanted:
                    until[lang] = now + self.hold_seconds
        return True

    def gone(self, edge: str, now: float) -> bool:
        """Record that an edge has no members any more, or is lost; return whether that changes anything."""
        changed = self.tell(edge, {}, now)
        self.edges.pop(edge, None)
        return changed

    def needed(self, now: float) -> dict[str, bool]:
        """Return the languages to translate into, oldest wish first, and whether each is to be spoken."""
        for until in self._until.values():
            for lang in [lang for lang, end in until.items() if end <= now]:
                del until[lang]
        voices = self._until[VOICE]
        return {lang: lang in voices for lang in dict.fromkeys([*self._until[CAPTIONS], *voices])}

    def expires_in(self, now: float) -> float | None:
        """Return after how many seconds a language need not be kept any more; None where none runs out."""
        ends = [end for until in self._until.values() for end in until.values() if end != FOREVER]
        return max(0.0, min(ends) - now) if ends else None

    def total(self) -> dict[str, Want]:
        """Return how often each language is wanted at all edges together."""
        found: dict[str, Want] = {}
        for wants in self.edges.values():
            for lang, want in wants.items():
                before = found.get(lang, Want())
                found[lang] = Want(
                    before.captions + want.captions, before.voice + want.voice, before.original + want.original
                )
        return found
