"""What several recognizers in turn say of one session's speech, as if one had said it. Pure.

An earlier one may have shown words of the open segment. The next hears that segment from its start, under the same
number, and at first knows less than was shown, or other words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from services.common.text.concluded import continues
from services.gateway.suspicion import Stretch
from services.gateway.terms import Progress, SourceEvent, Transcript
from services.gateway.turns import Turns

Told: TypeAlias = Transcript | SourceEvent | Progress


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a recognition starts: of a new session at nothing, of a resumed one where its client has got to."""

    start_samples: int = 0
    segment_id: int = 1  # of the open segment, or of the next
    open_transcript: Transcript | None = None  # of the open segment, as its client has it
    resumed: bool = False  # it may take a slot that is kept free for such sessions


FRESH = Seed()


class Seam:
    """Takes what the recognizer of now says and gives what the session is told.

    Segments are numbered on, revisions rise, concluded words stand until the final, offsets never go back.
    """

    def __init__(self, seed: Seed = FRESH) -> None:
        self.segment_id = seed.segment_id  # of the open segment, or of the next
        self._ahead = 0  # how far our numbers are ahead of the recognizer's of now
        self._shown = seed.open_transcript and replace(seed.open_transcript, segment_id=seed.segment_id)
        self._from: Transcript | None = self._shown  # what was shown of the open segment by an earlier recognizer
        self._turns = Turns()
        self._told = Progress(seed.start_samples, seed.start_samples)

    @property
    def between(self) -> bool:
        """Whether no words are shown that are not final: nobody sees another recognizer take over."""
        return self._shown is None

    @property
    def language(self) -> str:
        """The language of the open segment, once it is decided; else empty."""
        return self._shown.language if self._shown and not self._shown.language_tentative else ""

    def number(self, segment_id: int) -> int:
        """What the recognizer of now calls a segment of ours."""
        return segment_id - self._ahead

    def result(self, said: Transcript, finalized_samples: int) -> list[Told]:
        """A result; `finalized_samples` of a final."""
        told = self._given_up(said.start_samples)
        said = self._continued(replace(said, segment_id=said.segment_id + self._ahead))
        if said.final:
            self._turns.finalized(said.end_samples, finalized_samples)
            return [*told, *self._ended(said)]
        if self._from is None or continues(said.text, self._concluded):
            self._shown = said
            told.append(said)
        return told

    def event(self, event: SourceEvent) -> Iterable[Told]:
        """The speaker started or stopped."""
        return self._turns.heard(event)

    def progressed(self, progress: Progress) -> list[Told]:
        """The recognizer of now has got so far."""
        told = [*self._given_up(progress.finalized_samples), *self._turns.progressed(progress.finalized_samples)]
        return [*told, self._reached(progress)]

    def moved(self, start_samples: int) -> Iterable[Told]:
        """Another recognizer goes on; it is told the number of the open segment, and the audio from an offset on."""
        self._ahead = 0
        self._from = self._shown
        return self._turns.moved(start_samples)

    def skipped(self, stretch: Stretch) -> list[Told]:
        """Some audio is left out: the open segment ends before it, with what was concluded."""
        told = [*self._close(), *self._turns.ended(stretch.from_samples)]
        return [*told, self._reached(Progress(stretch.to_samples, stretch.to_samples))]

    def end(self) -> list[Told]:
        """There is no more to come."""
        return [*self._close(), *self._turns.ended(self._told.processed_samples)]

    @property
    def concluded_until_samples(self) -> int:
        """Audio before it may hold words that are concluded: heard once more, they would be said twice. 0: none."""
        return self._shown.end_samples if self._shown and self._concluded else 0

    @property
    def _concluded(self) -> str:
        return self._shown.stable_text if self._shown else ""

    def _continued(self, said: Transcript) -> Transcript:
        """A result behind those that an earlier recognizer gave of the same segment."""
        if self._from is None:
            return said
        revision = self._from.revision + said.revision
        if said.language == self._from.language and not said.language_confidence:  # the earlier one found it out
            said = replace(said, language_confidence=self._from.language_confidence)
        if said.final:
            return replace(said, revision=revision, corrected=not continues(said.text, self._concluded))
        return replace(said, revision=revision, stable_length=max(said.stable_length, len(self._concluded)))

    def _ended(self, final: Transcript) -> list[Told]:
        self.segment_id = final.segment_id + 1
        self._shown = self._from = None
        return [final]

    def _close(self) -> list[Told]:
        """The open segment ends with what was concluded."""
        if self._shown is None:
            return []
        text = self._concluded
        last = replace(
            self._shown,
            revision=self._shown.revision + 1,
            final=True,
            text=text,
            stable_length=len(text),
            stability=0.0,
            language_tentative=False,
        )
        return self._ended(last)

    def _given_up(self, offset_samples: int) -> list[Told]:
        """The recognizer of now is past what an earlier one showed, and found no words there: they end as they are.

        It does not count that segment, so from here on our numbers are ahead of its own.
        """
        if self._from is None or offset_samples < max(self._from.end_samples, self._from.start_samples + 1):
            return []
        self._ahead += 1
        return self._close()

    def _reached(self, progress: Progress) -> Progress:
        self._told = Progress(
            max(self._told.processed_samples, progress.processed_samples),
            max(self._told.finalized_samples, progress.finalized_samples),
        )
        return self._told
