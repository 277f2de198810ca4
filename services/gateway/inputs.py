"""What a session is given, after checking and decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from services.common.audio.pcm import Pcm
from services.gateway.terms import TargetTerms


@dataclass(frozen=True, slots=True)
class Audio:
    """Speech, mono, 16 kHz."""

    pcm: Pcm
    offset_samples: int  # of the first sample, on the session's audio clock

    @property
    def end_samples(self) -> int:
        """The offset behind the last sample."""
        return self.offset_samples + len(self.pcm)


@dataclass(frozen=True, slots=True)
class MissingAudio:
    """A part of the audio clock for which no audio came."""

    from_samples: int
    to_samples: int
    filled: bool = False  # something was made up for it: the segment goes on
    corrupt: bool = False  # something came that could not be decoded


@dataclass(frozen=True, slots=True)
class Typed:
    """Text that continues the open text segment."""

    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """The open segment ends here."""


@dataclass(frozen=True, slots=True)
class Ping:
    """To be echoed once all before it has been dealt with."""

    marker: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Speech that was not sent yet is dropped, in one language or, with an empty tag, in all."""

    lang: str


@dataclass(frozen=True, slots=True)
class SetTargets:
    """The targets from now on."""

    targets: tuple[TargetTerms, ...]


Input: TypeAlias = Audio | MissingAudio | Typed | Commit | Ping | Interrupt | SetTargets
