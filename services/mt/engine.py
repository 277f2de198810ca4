"""The interface between the translation stage and its engines: source texts in, translations out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.engines.load import Load
from services.common.engines.versions import Version
from services.common.text.terminology import Term


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a target language, BCP-47."""

    source: str
    target: str

    @property
    def languages(self) -> str:
        """Both languages without their regions, for example "es>pt"."""
        return f"{self.source.partition('-')[0]}>{self.target.partition('-')[0]}"


@dataclass(frozen=True, slots=True)
class Source:
    """A text to translate, with the pair, terms and limits of its translation."""

    text: str
    pair: Pair
    final: bool = True  # finals go before interim text
    target_prefix: str = ""  # concluded target text, to be continued by an engine that can
    max_wait_ms: int | None = None  # how long it may wait for others to be computed with; None: as the engine is set
    terms: tuple[Term, ...] = ()  # what the translation must hold for those that occur in the text
    affinity: int = 0  # of the session: calls with the same one are answered by the same version of a model
    session: int = (
        0  # the same number, of whom earlier revisions may be remembered; no answer depends on it; 0: unknown
    )
    tier: str = ""  # that translates it; empty where the pair has one way alone
    unstored: bool = False  # whether nothing of it may be kept for later calls


@dataclass(frozen=True, slots=True)
class Tokens:
    """Numbers of tokens that were read and written for a translation, in the engine's own vocabulary."""

    source: int
    target: int


NO_TOKENS = Tokens(0, 0)


def added(counts: Iterable[Tokens | None]) -> Tokens | None:
    """Return the sum of several counts; None, for unknown, where one of them is unknown."""
    sum_ = NO_TOKENS
    for each in counts:
        if each is None:
            return None
        sum_ = Tokens(sum_.source + each.source, sum_.target + each.target)
    return sum_


@dataclass(frozen=True, slots=True)
class Translation:
    """The translation of a whole source text."""

    text: str
    continues_prefix: bool = False  # whether it was forced to start with the prefix
    unknown_words: int = 0  # source words the engine did not know
    tokens: Tokens | None = None  # None: the engine counts none


class Engine(Protocol):
    """A translator, loaded once and shared by all sessions.

    Autoscaling adds and removes replicas by the engine's `load`. The engine makes its load when it is made itself and
    keeps it; it records in it each piece of work that waits (`waiting`), and those in hand (`working`), of at most
    `most`. A `Batcher` records its own work: it is given the load, or a part of it for each batcher.
    """

    name: str
    version: str
    pairs: tuple[Pair, ...]
    device: str  # what it computes on, known after `start`: "cpu", "cuda: NVIDIA H100", or where it is served
    load: Load  # how busy it is
    versions: Iterable[tuple[Version[Any], float]]  # of its models, each with its share of the sessions; may be empty
    continues_prefix: bool  # whether it can be forced to continue concluded text
    shaped: bool  # whether texts are shaped for it, and its translations back; see services/mt/shaping
    patience_seconds: float  # an answer that takes longer never comes: the process is ended and another started

    async def start(self) -> None:
        """Loads the models and warms them up; `pairs` is known afterwards."""

    async def stop(self) -> None:
        """Release the models, programs and connections that `start` opened."""

    async def translate(self, source: Source) -> Translation:
        """Translate a text. Raises StageFailed when the translator broke; that error may recur only if it breaks
        again.
        """
