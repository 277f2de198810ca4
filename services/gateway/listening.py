"""One session's recognition over any number of recognizers: what each is told, and what they say as one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from services.gateway.inputs import Commit
from services.gateway.ring import Kept, Ring, Said
from services.gateway.seam import FRESH, Seam, Seed
from services.gateway.shared import Mark
from services.gateway.suspicion import Stretch, Suspicion
from services.gateway.terms import Progress, SourceEvent, Transcript


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the spans of a segment belong."""

    segment_id: int
    traceparent: str


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is rather heard from the next segment on, instead of what was said so before."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A recognizer's result."""

    transcript: Transcript
    finalized_samples: int  # of a final: audio before it need not be heard again; 0: the recognizer does not tell


@dataclass(frozen=True, slots=True)
class Echo:
    """A marker that came back."""

    number: int


Asked: TypeAlias = Kept | Trace | Phrases
Answer: TypeAlias = Result | SourceEvent | Progress | Echo
Heard: TypeAlias = Transcript | SourceEvent | Progress | Mark


class Listening:
    """Nothing is lost and nothing doubled, whenever a recognizer breaks off.

    `say` puts audio and commands in order, `next` gives what the recognizer of now is to be told, `hear` takes its
    answers, and what they come to waits in `heard`. When it breaks off: `died`. Before another one is told: `moved`.
    """

    def __init__(self, bound_samples: int, seed: Seed = FRESH, phrases: Callable[[], tuple[str, ...]] = tuple) -> None:
        self.heard: deque[Heard] = deque()  # for the session; a few, as long as they are taken after each answer
        self.ring = Ring(seed.start_samples, bound_samples)
        self._seam = Seam(seed)
        self._suspicion = Suspicion()
        self._traces = Traces()
        self._phrases = phrases  # those in force
        self._told_phrases: tuple[str, ...] = ()  # to the recognizer of now
        self._cut = False  # the ring was full and a commit was put into it; that has not helped so far
        if seed.start_samples:  # what lies before is nobody's work any more
            self.heard.append(Progress(seed.start_samples, seed.start_samples))

    @property
    def segment_id(self) -> int:
        """The number of the open segment, or of the next: another recognizer starts with it."""
        return self._seam.segment_id

    @property
    def language(self) -> str:
        """The language that was decided for the open segment; empty: none was, or there is no such segment."""
        return self._seam.language

    @property
    def between(self) -> bool:
        """Whether another recognizer may take over unseen."""
        return self._seam.between

    def say(self, said: Said) -> None:
        """Goes to the recognizer after all before it. When that is too much to keep, it is asked if all is through."""
        full = self.ring.full
        self.ring.append(said)
        if self.ring.full and not full:
            self.ring.ask()

    def keep_alive(self) -> None:
        """Asks the recognizer whether it is through, unless it has been asked and has not answered."""
        if not self.ring.asking:
            self.ring.ask()

    def trace(self, trace: Trace) -> None:
        """Tells the recognizer where the spans of a segment belong."""
        self._traces.add(trace)

    def next(self, rest: bool = False) -> Asked | None:
        """What the recognizer of now is to be told next; see `Ring.next`."""
        if trace := self._traces.next():
            return Trace(self._seam.number(trace.segment_id), trace.traceparent)
        if self._told_phrases != (phrases := self._phrases()):
            self._told_phrases = phrases
            return Phrases(phrases)
        return self.ring.next(rest)

    def hear(self, answer: Answer) -> bool:
        """Takes an answer. False when the recognizer is out of order: told to end the segment, it finalizes nothing."""
        match answer:
            case Result(transcript, finalized_samples):
                self.heard += self._seam.result(transcript, finalized_samples)
                if transcript.final:
                    offset_samples = finalized_samples or transcript.end_samples
                    self._reached(Progress(offset_samples, offset_samples))
            case SourceEvent():
                self.heard += self._seam.event(answer)
            case Progress():
                self.heard += self._seam.progressed(answer)
                self._reached(answer)
            case Echo(number):
                return self._answered(number)
        return True

    @property
    def hopeless(self) -> bool:
        """Whether recognizers fail again and again, and leaving audio out does not help."""
        return self._suspicion.hopeless

    def died(self, failed: bool = False) -> Stretch | None:
        """The recognizer of now broke off. Gives the audio that two have died of now: it is left out.

        `failed`: it said itself that it failed over what it was told.
        """
        record = self._suspicion.failed if failed else self._suspicion.died
        stretch = record(self.ring.at.finalized_samples, self.ring.told_samples)
        if stretch:
            stretch = Stretch(stretch.from_samples, max(stretch.to_samples, self._seam.concluded_until_samples))
            self.ring.skip(stretch.to_samples)
            self.heard += self._seam.skipped(stretch)
        return stretch

    def moved(self) -> None:
        """Another recognizer is there. It is told everything that is not settled, and asked whether that is through."""
        self.heard += self._seam.moved(self.ring.at.finalized_samples)
        self.ring.rewind()
        self._traces.again(self.segment_id)
        self._told_phrases = ()
        self._cut = False

    def end(self) -> None:
        """All is answered, and there is no more."""
        self.heard += self._seam.end()

    def _reached(self, progress: Progress) -> None:
        self.ring.progressed(progress)
        self._suspicion.passed(self.ring.at.processed_samples)

    def _answered(self, number: int) -> bool:
        marked = self.ring.answered(number)
        if marked is None:
            return True
        self._suspicion.passed(self.ring.at.processed_samples)
        if marked.mark is not None:
            self.heard.append(marked.mark)
        elif self.ring.asking:
            return True  # more was said behind this question, and then it was asked again
        elif not self.ring.full:
            self._cut = False
        elif self._cut:
            return False
        else:  # all is through, and still not settled
            self._cut = True
            self.ring.append(Commit())
            self.ring.ask()
        return True


class Traces:
    """Traces of segments on their way to the recognizer. The newest is kept: another one is told of it again."""

    def __init__(self) -> None:
        self._waiting: deque[Trace] = deque()
        self._newest: Trace | None = None

    def add(self, trace: Trace) -> None:
        """A segment's; one that was told already is not told again."""
        if self._newest is None or self._newest.segment_id != trace.segment_id:
            self._waiting.append(trace)
            self._newest = trace

    def next(self) -> Trace | None:
        """The next one to tell."""
        return self._waiting.popleft() if self._waiting else None

    def again(self, segment_id: int) -> None:
        """Another recognizer starts with that segment."""
        newest = self._newest
        self._waiting = deque([newest] if newest and newest.segment_id >= segment_id else [])
