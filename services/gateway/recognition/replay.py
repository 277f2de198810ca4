"""One session's recognition over any number of recognizers: what each is sent, and what they answer as one. Pure.

What was sent and is not settled is kept: when a recognizer breaks off, the next one is sent all of it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from services.common.audio.pcm import ASR_RATE
from services.gateway.recognition.takeover import FRESH, Hints, Seam, Seed, Stretch, Suspicion
from services.gateway.values.speech import (
    Answer,
    Asked,
    Audio,
    Commit,
    Echo,
    Heard,
    Kept,
    Mark,
    Marked,
    Progress,
    Result,
    Said,
    SourceEvent,
    Trace,
)

COALESCED_SAMPLES = ASR_RATE // 10  # a message costs as much as 50 ms of recognition: small chunks travel together

_MOST_KEPT = 4096  # pieces: a client may send its audio one sample at a time, with a ping behind each
_TOLD_AT_LEAST = ASR_RATE  # the contract: progress is told once a second while audio comes


class Listening:
    """Loses nothing and doubles nothing, whenever a recognizer breaks off.

    `say` puts audio and commands in order, `next` gives what the recognizer of now is to be sent, `hear` takes its
    answers, and what they come to waits in `heard`. When it breaks off: `died`. Before another one is sent: `moved`.
    """

    def __init__(self, bound_samples: int, seed: Seed = FRESH, phrases: Callable[[], tuple[str, ...]] = tuple) -> None:
        """`phrases` gives those in force, which a recognizer is to hear rather than others like them."""
        self.heard: deque[Heard] = deque()  # for the session; a few, as long as they are taken after each answer
        self.buffer = ReplayBuffer(seed.start_samples, bound_samples)
        self.seam = Seam(seed)
        self.suspicion = Suspicion()
        self.hints = Hints(phrases)
        self._cut = False  # the buffer was full and a commit was put into it; that has not helped so far
        if seed.start_samples:  # what lies before is nobody's work any more
            self.heard.append(Progress(seed.start_samples, seed.start_samples))

    @property
    def segment_id(self) -> int:
        """The number of the open segment, or of the next: another recognizer starts with it."""
        return self.seam.segment_id

    def say(self, said: Said, least_samples: int = 0) -> bool:
        """Put something behind all before it, and return whether anything is to be sent now: see `next`."""
        if self.buffer.append(said):
            self.buffer.ask()  # it is too much to keep: what is done?
        return self.buffer.ready(least_samples)

    def next(self, least_samples: int = 0) -> Asked | None:
        """What the recognizer of now is to be sent next; see `ReplayBuffer.next`."""
        hints = self.hints
        hint = hints.next() if hints.waiting or hints.sent_phrases is not hints.phrases() else None
        if isinstance(hint, Trace):
            return Trace(self.seam.number(hint.segment_id), hint.traceparent)
        return hint or self.buffer.next(least_samples)

    def hear(self, answer: Answer) -> bool:
        """Take an answer. False when the recognizer is out of order: told to end the segment, it finalizes nothing."""
        match answer:
            case Result(transcript) if not (transcript.final or self.seam.before or self.seam.ahead):
                self.seam.shown = transcript
                self.heard.append(transcript)
            case Result(transcript, finalized_samples):
                self.heard += self.seam.result(transcript, finalized_samples)
                if transcript.final:
                    offset_samples = finalized_samples or transcript.end_samples
                    self._reached(Progress(offset_samples, offset_samples))
            case SourceEvent():
                self.heard += self.seam.event(answer)
            case Progress():
                self.heard += self.seam.progressed(answer)
                self._reached(answer)
            case Echo(number):
                return self._answered(number)
        return True

    def died(self, failed: bool = False) -> Stretch | None:
        """Record that the recognizer of now broke off. Returns the audio that two have died of now: it is left out.

        `failed`: it said itself that it failed over what it was sent.
        """
        record = self.suspicion.failed if failed else self.suspicion.died
        stretch = record(self.buffer.at.finalized_samples, self.buffer.told_samples)
        if stretch:
            stretch = Stretch(stretch.from_samples, max(stretch.to_samples, self.seam.concluded_until_samples))
            self.buffer.skip(stretch.to_samples)
            self.heard += self.seam.skipped(stretch)
        return stretch

    def moved(self) -> None:
        """Begin with another recognizer. It is sent all that is not settled, and asked whether that is through."""
        self.heard += self.seam.moved(self.buffer.at.finalized_samples)
        self.buffer.rewind()
        self.hints.again(self.segment_id)
        self._cut = False

    def end(self) -> None:
        """End what is open: all is answered, and there is no more."""
        self.heard += self.seam.end()

    def _reached(self, progress: Progress) -> None:
        self.buffer.progressed(progress)
        self.suspicion.passed(self.buffer.at.processed_samples)

    def _answered(self, number: int) -> bool:
        marked = self.buffer.answered(number)
        if marked is None:
            return True
        self.suspicion.passed(self.buffer.at.processed_samples)
        if marked.mark is not None:
            self.heard.append(marked.mark)
        elif self.buffer.asking:
            return True  # more was said behind this question, and then it was asked again
        elif not self.buffer.full:
            self._cut = False
        elif self._cut:
            return False
        else:  # all is through, and still not settled
            self._cut = True
            self.buffer.append(Commit())
            self.buffer.ask()
        return True


@dataclass(slots=True)
class _Reach:
    """How far somebody has got along what was said."""

    samples: int  # the end of the audio
    mark: int = 0  # the number of the newest marker
    pieces: int = 0  # of those that are kept


class ReplayBuffer:
    """Keeps what was said until it is settled: audio until it is finalized, a commit as long as audio before it is,
    a marker until it has been sent back.

    `next` gives what the recognizer of now has not been sent; `rewind` starts again for another one.
    """

    def __init__(self, start_samples: int, bound_samples: int) -> None:
        self.at = Progress(start_samples, start_samples)  # what the recognizer of now said; finalized: any of them
        self._kept: list[Kept] = []
        self._marks: dict[int, Marked] = {}  # the markers among them, by number, in order
        self._room_samples = bound_samples  # for more audio
        self._said = _Reach(start_samples)
        self._told = _Reach(start_samples)  # what the recognizer of now was sent

    @property
    def told_samples(self) -> int:
        """The end of the audio that the recognizer of now was sent."""
        return self._told.samples

    @property
    def full(self) -> bool:
        """Whether more is kept than a recognizer in order leaves unsettled."""
        return self._room_samples <= 0 or len(self._kept) >= _MOST_KEPT

    def ready(self, least_samples: int) -> bool:
        """Return whether something is to be sent now: a last piece of audio shorter than that waits for more."""
        last, unsent = self._kept[-1] if self._kept else None, len(self._kept) - self._told.pieces
        return unsent > (isinstance(last, Audio) and len(last.pcm) < least_samples)

    @property
    def owed(self) -> bool:
        """Whether the recognizer must soon give a sign of life: it has been sent enough to have something to say."""
        oldest = next(iter(self._marks), None)
        asked = oldest is not None and oldest <= self._told.mark
        return asked or self._told.samples - self.at.processed_samples >= _TOLD_AT_LEAST

    @property
    def asking(self) -> bool:
        """Whether a question of our own is out."""
        return any(marked.mark is None for marked in self._marks.values())

    @property
    def unanswered(self) -> bool:
        """Whether somebody's mark has not been sent back."""
        return any(marked.mark is not None for marked in self._marks.values())

    def append(self, said: Said) -> bool:
        """Put something behind all before it; whether that has filled the buffer.

        Small audio grows together; a commit right behind another one means nothing.
        """
        was_full, last = self.full, self._kept[-1] if self._kept else None
        match said:
            case Mark():
                self.ask(said)
            case Commit():
                if not isinstance(last, Commit):
                    self._kept.append(said)
            case Audio():
                follows, self._said.samples = self._said.samples, said.offset_samples + len(said.pcm)
                self._room_samples -= len(said.pcm)
                unsent = last if self._told.pieces < len(self._kept) and isinstance(last, Audio) else None
                if unsent and follows == said.offset_samples and len(unsent.pcm) < COALESCED_SAMPLES:
                    self._kept[-1] = Audio(np.concatenate((unsent.pcm, said.pcm)), unsent.offset_samples)
                else:
                    self._kept.append(said)
        return self.full and not was_full

    def ask(self, mark: Mark | None = None) -> None:
        """Put a mark behind all there is, or without one our own question: is it through?"""
        self._said.mark += 1
        marked = self._marks[self._said.mark] = Marked(self._said.mark, self._said.samples, mark)
        self._kept.append(marked)

    def next(self, least_samples: int = 0) -> Kept | None:
        """What is to be sent next, which then counts as sent.

        None when there is nothing, or only a last piece of audio that is shorter than that and waits for more.
        """
        told = self._told
        if told.pieces == len(self._kept):
            return None
        kept = self._kept[told.pieces]
        if isinstance(kept, Audio):
            last = told.pieces + 1 == len(self._kept)
            if last and len(kept.pcm) < least_samples:
                return None
            told.samples = kept.offset_samples + len(kept.pcm)
        elif isinstance(kept, Marked):
            told.mark = kept.number
        told.pieces += 1
        return kept

    def progressed(self, progress: Progress) -> None:
        """Record how far the recognizer of now has got. What is final is let go, but nothing that was not sent."""
        before = self.at.finalized_samples
        processed = max(self.at.processed_samples, min(progress.processed_samples, self._told.samples))
        self.at = Progress(processed, max(before, min(progress.finalized_samples, self._told.samples)))
        if self.at.finalized_samples > before:
            self._let_go()

    def answered(self, number: int) -> Marked | None:
        """Take out the marker that came back; all before it is through. None when none is out under that number."""
        if found := self._marks.pop(number, None):
            index = self._kept.index(found)
            del self._kept[index]
            self._told.pieces -= index < self._told.pieces
            self.progressed(Progress(found.at_samples, 0))
        return found

    def rewind(self) -> None:
        """Begin again for another recognizer, which is sent all of it, and behind it our question."""
        self._kept = [kept for kept in self._kept if not (isinstance(kept, Marked) and kept.mark is None)]
        self._marks = {number: marked for number, marked in self._marks.items() if marked.mark is not None}
        self._told = _Reach(self.at.finalized_samples)
        self.at = Progress(self.at.finalized_samples, self.at.finalized_samples)
        self.ask()

    def skip(self, to_samples: int) -> None:
        """Leave out the audio before an offset; markers in it are sent all the same."""
        self.at = Progress(self.at.processed_samples, max(self.at.finalized_samples, to_samples))
        self._let_go()

    def _let_go(self) -> None:
        kept = list(self._unsettled())
        before, self._kept = self._kept, [each for each, _ in kept]
        self._told.pieces = sum(told for _, told in kept)
        for pieces, sign in ((before, 1), (self._kept, -1)):
            self._room_samples += sign * sum(len(each.pcm) for each in pieces if isinstance(each, Audio))

    def _unsettled(self) -> Iterator[tuple[Kept, bool]]:
        """What is still to be kept, and whether it was sent."""
        open_audio = False
        for index, kept in enumerate(self._kept):
            told = index < self._told.pieces
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
