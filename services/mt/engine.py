"""What the stage asks of a translator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.common.terminology import Term


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a target language, BCP-47."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Source:
    """A text to translate."""

    text: str
    pair: Pair
    final: bool = True  # finals go before interim text
    target_prefix: str = ""  # concluded target text, to be continued by an engine that can
    max_wait_ms: int | None = None  # how long it may wait for others to be computed with; None: as the engine is set
    terms: tuple[Term, ...] = ()  # what the translation must hold for those that occur in the text


@dataclass(frozen=True, slots=True)
class Translation:
    """The translation of the whole text."""

    text: str
    continues_prefix: bool = False  # whether it was forced to start with the prefix
    unknown_words: int = 0  # source words the engine did not know


class Engine(Protocol):
    """A translator, loaded once and shared by all sessions."""

    name: str
    version: str
    pairs: tuple[Pair, ...]
    continues_prefix: bool  # whether it can be forced to continue concluded text
    patience_seconds: float  # an answer that takes longer never comes: the process is ended and another started

    async def start(self) -> None:
        """Loads the models and warms them up; `pairs` is known afterwards."""

    async def stop(self) -> None:
        """Releases what `start` took."""

    async def translate(self, source: Source) -> Translation:
        """The translation. Raises StageFailed when the translator broke, and does so again only if it broke again."""
