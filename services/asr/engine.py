"""The interface between the recognition stage and its engines: speech in, hypotheses out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from services.common.audio.pcm import Pcm
from services.common.engines.load import Load
from services.common.engines.versions import Version


@dataclass(frozen=True, slots=True)
class Speech:
    """A chunk of audio that may hold speech: mono, 16 kHz. Chunks of a segment follow each other without a gap."""

    pcm: Pcm
    offset_samples: int  # of the first sample, on the session's audio clock
    waiting_samples: int = 0  # of audio behind it that came already: how far the engine is behind
    hurried: bool = False  # the session is far behind: hypotheses may be few, and a segment that begins searched once


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Ends the open segment: the engine's next hypothesis is the final, and speech behind it opens another segment."""

    split: bool = False  # it was cut off in the midst of speech: it is the longest there may be


@dataclass(frozen=True, slots=True)
class Terms:
    """Words and phrases that the recognizer is to prefer over others that sound alike, from the next segment on."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word, with its place in samples on the session's audio clock."""

    text: str
    start_samples: int
    end_samples: int
    confidence: float = 0.0  # 0 to 1; 0 when the recognizer does not tell


@dataclass(frozen=True, slots=True)
class Language:
    """The language of an utterance as identified so far, with its confidence and whether it may still change."""

    tag: str  # BCP-47, one of the engine's; empty: the session's only one
    confidence: float = 0.0  # 0 to 1, among the languages that are allowed; 0 where it was not found out
    tentative: bool = False  # it may turn out to be another one
    share: float = 1.0  # 0 to 1: how likely those that are allowed are, of all that the engine knows
    unsure: bool = False  # it is final, but not sure enough to be spoken


ONLY = Language("")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The recognizer's guess at the whole open segment: its words, and how likely they are to stay."""

    words: tuple[Word, ...]
    final: bool = False
    stability: float = 0.0  # of an interim one, 0 to 1; 0 when the recognizer does not tell
    stable_words: int = 0  # so many of the first ones the recognizer itself says it will not change
    language: Language = ONLY  # set by the stage, not by engines
    tokens: int | None = None  # that a final was decoded to; None: the engine counts none

    @property
    def text(self) -> str:
        """The text of the hypothesis: its words, joined by single spaces."""
        return " ".join(word.text for word in self.words)


class Stabilization(Enum):
    """How a session trades early text against text that never changes."""

    FAST = "earliest"
    BALANCED = "between"
    AGGRESSIVE = "latest"


@dataclass(frozen=True, slots=True)
class PrefixRules:
    """The conditions under which a word of an interim hypothesis is concluded. All that are set must hold."""

    agreement: int = 1  # successive hypotheses that have it: LocalAgreement-n
    held_words: int = 0  # words that follow it: hold-n
    engine_told: bool = False  # whether it must be one of the hypothesis' stable words


Heard: TypeAlias = Speech | Endpoint | Terms


class Engine(Protocol):
    """A recognizer, loaded once and shared by all sessions. A session's state lives in its `recognize` generator.

    Autoscaling adds and removes replicas by the engine's `load`. The engine makes its load when it is made itself and
    keeps it; it records in it each piece of work that waits (`waiting`), and those in hand (`working`), of at most
    `most`. A `Batcher` records its own work: it is given the load, or a part of it for each batcher.
    """

    name: str
    version: str
    device: str  # what it computes on, known after `start`: "cpu", "cuda: NVIDIA H100", or where it is served
    load: Load  # how busy it is
    versions: Iterable[tuple[Version[Any], float]]  # of its models, each with its share of the sessions; may be empty
    languages: tuple[str, ...]  # BCP-47
    written: bool  # whether its words come cased and punctuated; if not, the stage writes them so
    prefixes: Mapping[Stabilization, PrefixRules]  # how its hypotheses settle, chosen by bench/recognition/prefixes.py
    biased: bool  # whether it takes Terms; one that does not is given none
    wideband: bool  # whether audio of 8 kHz costs it half as many errors again, by bench/recognition/telephone.py
    patience_seconds: float  # an answer that takes longer never comes: the process is ended and another started

    async def start(self) -> None:
        """Load the models and warm them up. Raises InvalidArgument for a model that cannot be used."""

    async def stop(self) -> None:
        """Release the models, programs and connections that `start` opened."""

    def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Yield hypotheses for one session's speech: any number of interim ones, then one final for each Endpoint.

        Sessions with the same `affinity` are recognized by the same version of a model.

        The generator takes an item only when it has answered the one before: so the caller sets the engine's pace, and
        knows what has been processed. Closing the generator frees what the session held. Raises StageFailed when the
        recognizer broke; the generator is over then, the engine is not.
        """


@runtime_checkable
class Identifier(Protocol):
    """An engine that can also identify which language is spoken."""

    identified: tuple[str, ...]  # BCP-47; known after `start`

    async def identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        """Return the likeliest of the `allowed` languages, two or more of `identified`, by all speech of an utterance
        so far.

        Its confidence is its share of the likelihood among them. Raises StageFailed when the engine broke.
        """
