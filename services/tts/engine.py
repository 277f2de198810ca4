"""The interface between the synthesis stage and its engines: clauses in, PCM out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.common.engines.load import Load
from services.common.engines.versions import Version


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, by name and language."""

    name: str  # what a client asks for
    language: str  # BCP-47


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """The pronunciation, in IPA, of some words of a clause."""

    text: str  # as they stand in it, in any case
    ipa: str  # of the engine's symbols for the language


@dataclass(slots=True)
class Tally:
    """The number of a voice's symbols, phonemes for most, that a clause is spoken from; None where none are counted."""

    symbols: int | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause to synthesize, with its voice, rate and pronunciations."""

    text: str
    voice: Voice
    speaking_rate: float = 1.0  # relative to the voice's own, 0.5 to 2.0
    pronunciations: tuple[Pronunciation, ...] = ()
    affinity: int = 0  # of the session: calls with the same one are answered by the same version of a voice
    tally: Tally = field(default_factory=Tally, compare=False)  # filled by an engine that counts, before it speaks


class Engine(Protocol):
    """A synthesizer, loaded once and shared by all sessions.

    Autoscaling adds and removes replicas by the engine's `load`. The engine makes its load when it is made itself and
    keeps it; it records in it each piece of work that waits (`waiting`), and those in hand (`working`), of at most
    `most`. A `Batcher` records its own work: it is given the load, or a part of it for each batcher.
    """

    name: str
    version: str
    device: str  # what it computes on, known after `start`: "cpu", "cuda: NVIDIA H100", or where it is served
    load: Load  # how busy it is
    versions: Iterable[tuple[Version[Any], float]]  # of its models, each with its share of the sessions; may be empty
    voices: tuple[Voice, ...]  # the default voice of each language first
    networks: Sequence[Sequence[Voice]]  # voices of one neural network each, which are as fast as each other
    sample_rate_hertz: int
    pronounces: bool  # whether it takes pronunciations
    patience_seconds: float  # an answer that takes longer never comes: the process is ended and another started

    async def start(self) -> None:
        """Loads the voices and warms them up; `voices`, `networks` and `sample_rate_hertz` are known afterwards."""

    async def stop(self) -> None:
        """Release the models, programs and connections that `start` opened."""

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the IPA symbols allowed in pronunciations of a voice's language; none when the engine takes no
        pronunciations.
        """

    def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Yield the clause's speech as it is made: mono 16-bit little-endian PCM, in pieces of whole samples.

        Closing the generator early stops the work. Raises StageFailed when the synthesizer broke.
        """
