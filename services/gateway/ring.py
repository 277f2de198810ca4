"""What a recognizer was told and has not settled: the audio, with commits and markers in their place. Pure.

When it breaks off, another one is told all of it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import numpy as np

from services.common.audio.pcm import ASR_RATE
from services.gateway.inputs import Audio, Commit
from services.gateway.shared import Mark
from services.gateway.terms import Progress

COALESCED_SAMPLES = ASR_RATE // 10  # a message costs as much as 50 ms of recognition: small chunks travel together

_MOST_KEPT = 4096  # pieces: a client may send its audio one sample at a time, with a ping behind each
_TOLD_AT_LEAST = ASR_RATE  # the contract: progress is told once a second while audio comes


@dataclass(frozen=True, slots=True)
class Marked:
    """A marker on its way through the recognizer. Its echo says that all before it is through."""

    number: int
    at_samples: int  # the end of the audio before it
    mark: Mark | None = None  # None: it is our own question


Said: TypeAlias = Audio | Commit | Mark
Kept: TypeAlias = Audio | Commit | Marked


class Ring:
    """Keeps what was said until it is settled: audio until it is finalized, a commit as long as audio before it is,
    a marker until it has been sent back.

    `next` gives what the recognizer of now has not been told; `rewind` starts again for another one.
    """

    def __init__(self, start_samples: int, bound_samples: int) -> None:
        self._kept: list[Kept] = []
        self._told = 0  # so many of them
        self._held_samples = 0  # of audio
        self._bound_samples = bound_samples
        self._numbers = count(1)
        self._end_samples = start_samples
        self.told_samples = start_samples  # the end of the audio that the recognizer of now was told
        self.at = Progress(start_samples, start_samples)  # what the recognizer of now said; finalized: any of them

    @property
    def full(self) -> bool:
        """Whether more is kept than a recognizer in order leaves unsettled."""
        return self._held_samples >= self._bound_samples or len(self._kept) >= _MOST_KEPT

    @property
    def empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._kept

    @property
    def owed(self) -> bool:
        """Whether the recognizer must soon give a sign of life: it has been told enough to have something to say."""
        asked = any(isinstance(kept, Marked) for kept in self._kept[: self._told])
        return asked or self.told_samples - self.at.processed_samples >= _TOLD_AT_LEAST

    @property
    def asking(self) -> bool:
        """Whether a question of our own is out."""
        return any(isinstance(kept, Marked) and kept.mark is None for kept in self._kept)

    @property
    def unanswered(self) -> bool:
        """Whether somebody's mark has not been sent back."""
        return any(isinstance(kept, Marked) and kept.mark is not None for kept in self._kept)

    def append(self, said: Said) -> None:
        """Goes behind all before it. Small audio grows together; a commit right behind another one means nothing."""
        last = self._kept[-1] if self._kept else None
        match said:
            case Mark():
                self._kept.append(Marked(next(self._numbers), self._end_samples, said))
            case Commit():
                if not isinstance(last, Commit):
                    self._kept.append(said)
            case Audio():
                self._end_samples = said.end_samples
                self._held_samples += len(said.pcm)
                if isinstance(last, Audio) and self._told < len(self._kept) and _together(last, said):
                    self._kept[-1] = Audio(np.concatenate((last.pcm, said.pcm)), last.offset_samples)
                else:
                    self._kept.append(said)

    def ask(self) -> None:
        """Puts our own question behind all there is: is it through?"""
        self._kept.append(Marked(next(self._numbers), self._end_samples))

    def next(self, rest: bool = False) -> Kept | None:
        """What is to be told next, which then counts as told.

        None when there is nothing; nor, unless `rest`, a last piece of audio too short to travel alone.
        """
        if self._told == len(self._kept):
            return None
        kept = self._kept[self._told]
        last = self._told + 1 == len(self._kept)
        if isinstance(kept, Audio) and last and not rest and len(kept.pcm) < COALESCED_SAMPLES:
            return None
        self._told += 1
        if isinstance(kept, Audio):
            self.told_samples = kept.end_samples
        return kept

    def progressed(self, progress: Progress) -> None:
        """The recognizer of now has got so far. What is finalized is let go, but nothing that was not told."""
        before = self.at.finalized_samples
        processed = max(self.at.processed_samples, min(progress.processed_samples, self.told_samples))
        self.at = Progress(processed, max(before, min(progress.finalized_samples, self.told_samples)))
        if self.at.finalized_samples > before:
            self._let_go()

    def answered(self, number: int) -> Marked | None:
        """The marker with that number came back; all before it is through. None when none is out under it."""
        found = next((kept for kept in self._kept if isinstance(kept, Marked) and kept.number == number), None)
        if found:
            index = self._kept.index(found)
            del self._kept[index]
            self._told -= index < self._told
            self.progressed(Progress(found.at_samples, 0))
        return found

    def rewind(self) -> None:
        """Another recognizer is told all of it again, and behind it our question."""
        self._kept = [kept for kept in self._kept if not (isinstance(kept, Marked) and kept.mark is None)]
        self._told = 0
        self.told_samples = self.at.finalized_samples
        self.at = Progress(self.at.finalized_samples, self.at.finalized_samples)
        self.ask()

    def skip(self, to_samples: int) -> None:
        """Audio before an offset is told to nobody any more; markers in it are."""
        self.at = Progress(self.at.processed_samples, max(self.at.finalized_samples, to_samples))
        self._let_go()

    def _let_go(self) -> None:
        kept = list(self._unsettled())
        self._kept, self._told = [each for each, _ in kept], sum(told for _, told in kept)
        self._held_samples = sum(len(each.pcm) for each in self._kept if isinstance(each, Audio))

    def _unsettled(self) -> Iterator[tuple[Kept, bool]]:
        """What is still to be kept, and whether it was told."""
        open_audio = False
        for index, kept in enumerate(self._kept):
            told = index < self._told
            match kept:
                case Audio():
                    cut = max(0, self.at.finalized_samples - kept.offset_samples)
                    if cut < len(kept.pcm):
                        open_audio = True
                        yield Audio(kept.pcm[cut:], kept.offset_samples + cut), told
                case Commit():
                    if open_audio or not told:
                        yield kept, told
                case Marked():
                    yield kept, told


def _together(last: Audio, said: Audio) -> bool:
    return last.end_samples == said.offset_samples and len(last.pcm) < COALESCED_SAMPLES
