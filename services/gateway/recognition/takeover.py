"""One recognizer takes over from another: segments go on, and audio that ends recognizers is found. Pure.

An earlier one may have shown words of the open segment. The next hears that segment from its start, under the same
number, and at first knows less than was shown, or other words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from services.common.text.concluded import continues
from services.gateway.values.speech import Phrases, Progress, SourceEvent, Trace, Transcript

Told: TypeAlias = Transcript | SourceEvent | Progress
MOST_FAILURES = 4  # of recognizers that have nothing in work that could be left out


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a recognition starts: of a new session at nothing, of a resumed one where its client has got to."""

    start_samples: int = 0
    segment_id: int = 1  # of the open segment, or of the next
    open_transcript: Transcript | None = None  # of the open segment, as its client has it
    resumed: bool = False  # it may take a slot that is kept free for such sessions


FRESH = Seed()


class Seam:
    """Makes one sequence of results of what several recognizers answer in turn.

    Segments are numbered on, revisions rise, concluded words stand until the final, offsets never go back.
    """

    def __init__(self, seed: Seed = FRESH) -> None:
        self.segment_id = seed.segment_id  # of the open segment, or of the next
        self.ahead = 0  # how far our numbers are ahead of the recognizer's of now
        # What is shown and not final; while that is nothing, nobody sees another recognizer take over.
        self.shown = seed.open_transcript and replace(seed.open_transcript, segment_id=seed.segment_id)
        self.before: Transcript | None = self.shown  # what was shown of the open segment by an earlier recognizer
        self._turns = SpeechTurns()
        self._told = Progress(seed.start_samples, seed.start_samples)

    @property
    def language(self) -> str:
        """The language of the open segment, once it is decided; else empty."""
        return self.shown.language if self.shown and not self.shown.language_tentative else ""

    def number(self, segment_id: int) -> int:
        """What the recognizer of now calls a segment of ours."""
        return segment_id - self.ahead

    def result(self, said: Transcript, finalized_samples: int) -> list[Told]:
        """Take a result; `finalized_samples` is of a final."""
        told = self._given_up(said.start_samples)
        said = self._continued(replace(said, segment_id=said.segment_id + self.ahead))
        if said.final:
            self._turns.finalized(said.end_samples, finalized_samples)
            return [*told, *self._ended(said)]
        if self.before is None or continues(said.text, self._concluded):
            self.shown = said
            told.append(said)
        return told

    def event(self, event: SourceEvent) -> Iterable[Told]:
        """Pass on that the speaker started or stopped, as often as it is news."""
        return self._turns.heard(event)

    def progressed(self, progress: Progress) -> list[Told]:
        """Record how far the recognizer of now has got."""
        told = [*self._given_up(progress.finalized_samples), *self._turns.progressed(progress.finalized_samples)]
        return [*told, self._reached(progress)]

    def moved(self, start_samples: int) -> Iterable[Told]:
        """Begin with another recognizer, which is sent the open segment's number, and the audio from an offset on."""
        self.ahead = 0
        self.before = self.shown
        return self._turns.moved(start_samples)

    def skipped(self, stretch: Stretch) -> list[Told]:
        """Leave audio out: the open segment ends before it, with what was concluded."""
        told = [*self._close(), *self._turns.ended(stretch.from_samples)]
        return [*told, self._reached(Progress(stretch.to_samples, stretch.to_samples))]

    def end(self) -> list[Told]:
        """End the open segment and the speaker's turn: there is no more to come."""
        return [*self._close(), *self._turns.ended(self._told.processed_samples)]

    @property
    def concluded_until_samples(self) -> int:
        """Audio before it may hold words that are concluded: heard once more, they would be said twice. 0: none."""
        return self.shown.end_samples if self.shown and self._concluded else 0

    @property
    def _concluded(self) -> str:
        return self.shown.stable_text if self.shown else ""

    def _continued(self, said: Transcript) -> Transcript:
        """A result behind those that an earlier recognizer gave of the same segment."""
        if self.before is None:
            return said
        revision = self.before.revision + said.revision
        if said.language == self.before.language and not said.language_confidence:  # the earlier one found it out
            confidence, unsure = self.before.language_confidence, self.before.language_unsure
            said = replace(said, language_confidence=confidence, language_unsure=unsure)
        if said.final:
            return replace(said, revision=revision, corrected=not continues(said.text, self._concluded))
        return replace(said, revision=revision, stable_length=max(said.stable_length, len(self._concluded)))

    def _ended(self, final: Transcript) -> list[Told]:
        self.segment_id = final.segment_id + 1
        self.shown = self.before = None
        return [final]

    def _close(self) -> list[Told]:
        """The open segment ends with what was concluded."""
        if self.shown is None:
            return []
        text = self._concluded
        last = replace(
            self.shown,
            revision=self.shown.revision + 1,
            final=True,
            text=text,
            stable_length=len(text),
            stability=None,
            language_tentative=False,
        )
        return self._ended(last)

    def _given_up(self, offset_samples: int) -> list[Told]:
        """The recognizer of now is past what an earlier one showed, and found no words there: they end as they are.

        It does not count that segment, so from here on our numbers are ahead of its own.
        """
        if self.before is None or offset_samples < max(self.before.end_samples, self.before.start_samples + 1):
            return []
        self.ahead += 1
        return self._close()

    def _reached(self, progress: Progress) -> Progress:
        self._told = Progress(
            max(self._told.processed_samples, progress.processed_samples),
            max(self._told.finalized_samples, progress.finalized_samples),
        )
        return self._told


class SpeechTurns:
    """Every start is followed by one end: what a later recognizer says again is left out, what an earlier one did not
    live to say is made up for.
    """

    def __init__(self) -> None:
        self._speaking = False
        self._sure = True  # the recognizer of now has said so itself
        self._ended_samples: int | None = None  # the end of the speech, where only the final has told of it
        self._since_samples = 0  # where the recognizer of now began

    def heard(self, event: SourceEvent) -> list[SourceEvent]:
        """Take the recognizer's word that the speaker started or stopped."""
        self._sure, self._ended_samples = True, None
        if event.started == self._speaking:
            return []
        self._speaking = event.started
        return [event]

    def finalized(self, end_samples: int, finalized_samples: int) -> None:
        """A final came. When silence was heard behind its speech, the speech is over, and that will be said next."""
        if self._speaking and end_samples < finalized_samples:
            self._ended_samples = end_samples

    def progressed(self, finalized_samples: int) -> list[SourceEvent]:
        """The recognizer has got so far: without a word of speech, there is none."""
        over = self._speaking and not self._sure and finalized_samples > self._since_samples
        return self.ended(self._since_samples) if over else []

    def moved(self, start_samples: int) -> list[SourceEvent]:
        """Another recognizer goes on from an offset."""
        told = [] if self._ended_samples is None else self.ended(self._ended_samples)
        self._sure, self._since_samples = not self._speaking, start_samples
        return told

    def ended(self, offset_samples: int) -> list[SourceEvent]:
        """End the speaker's turn, if there is one."""
        return self.heard(SourceEvent(False, offset_samples))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the session's audio clock."""

    from_samples: int
    to_samples: int


class Suspicion:
    """A recognizer that dies may have died of what it was told and had not finalized. One that dies of the same audio
    again proves it; one that gets through clears it. One that says of itself that it failed is not cleared so.
    """

    def __init__(self) -> None:
        self._until_samples = 0  # audio before it is suspected, where it is not finalized
        self._failures = 0  # of recognizers in a row, with as much finalized
        self._failed_at_samples = -1

    @property
    def hopeless(self) -> bool:
        """Whether recognizers fail again and again without having got any further."""
        return self._failures >= MOST_FAILURES

    def failed(self, finalized_samples: int, told_samples: int) -> Stretch | None:
        """A recognizer failed over what it was told, and said so. Gives what two have failed over."""
        if finalized_samples != self._failed_at_samples:
            self._failures, self._failed_at_samples = 0, finalized_samples
        self._failures += 1
        if self._failures > 1 and told_samples > finalized_samples:
            self._until_samples = 0
            return Stretch(finalized_samples, told_samples)
        return self.died(finalized_samples, told_samples)

    def died(self, finalized_samples: int, told_samples: int) -> Stretch | None:
        """A recognizer died, told so much beyond what is final. Gives what two have died of."""
        both_samples = min(self._until_samples, told_samples)
        if both_samples > finalized_samples:
            self._until_samples = 0
            return Stretch(finalized_samples, both_samples)
        self._until_samples = max(self._until_samples, told_samples)
        return None

    def passed(self, processed_samples: int) -> None:
        """A later recognizer is through all audio before an offset."""
        if processed_samples >= self._until_samples:
            self._until_samples = 0


class Hints:
    """What a recognizer is sent beside audio: the traces of segments, and the phrases in force. Pure.

    The newest trace is kept, and all phrases: another recognizer is sent them again.
    """

    def __init__(self, phrases: Callable[[], tuple[str, ...]]) -> None:
        self.phrases = phrases  # those in force
        self.sent_phrases: tuple[str, ...] = ()  # to the recognizer of now
        self.waiting: deque[Trace] = deque()
        self._newest: Trace | None = None

    def trace(self, trace: Trace) -> None:
        """Add a segment's trace; one that was added already is not sent again."""
        if self._newest is None or self._newest.segment_id != trace.segment_id:
            self.waiting.append(trace)
            self._newest = trace

    def next(self) -> Trace | Phrases | None:
        """What is to be sent next, which then counts as sent; None when there is nothing."""
        if self.waiting:
            return self.waiting.popleft()
        if self.sent_phrases == (phrases := self.phrases()):
            return None
        self.sent_phrases = phrases
        return Phrases(phrases)

    def again(self, segment_id: int) -> None:
        """Begin again for another recognizer, whose first segment has that number."""
        newest = self._newest
        self.waiting = deque([newest] if newest and newest.segment_id >= segment_id else [])
        self.sent_phrases = ()
