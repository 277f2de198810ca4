"""A recognizer that hears loud cells of the audio clock, each as one word named after its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from services.common.audio.pcm import Pcm
from services.gateway.values.speech import (
    Answer,
    Asked,
    Audio,
    Commit,
    Echo,
    Marked,
    Progress,
    Result,
    SourceEvent,
    Trace,
    Transcript,
    Word,
)

CELL = 1600  # samples
SILENCE = 3  # cells that end a segment
LONGEST = 10  # cells of a segment
PRE_ROLL = 2  # cells
PROGRESS = 5  # cells

LOUD: Pcm = np.full(CELL, 1000, dtype=np.int16)
QUIET: Pcm = np.zeros(CELL, dtype=np.int16)


@dataclass
class FakeRecognizer:
    """One call's. What it makes of the audio depends on that audio alone."""

    segment_id: int = 1
    obeys: bool = True  # ends a segment where it should
    traces: list[Trace] = field(default_factory=list)
    heard: int = 0  # offset of the end of all audio
    passed: int = 0  # of whole cells, or of what a commit closed
    told: int = 0
    opened: int | None = None  # where the audio of the open segment starts
    speaking: bool = False
    quiet_cells: int = 0
    silent_since: int = 0  # no segment is open: nothing before it matters
    words: list[Word] = field(default_factory=list)
    revision: int = 0
    rest: list[int] = field(default_factory=list)

    def ask(self, asked: Asked) -> Iterator[Answer]:
        match asked:
            case Audio():
                yield from self._hear(asked)
            case Commit():
                if self.opened is not None:
                    self.passed, self.rest = self.heard, []
                    yield from self._close()
            case Marked():
                yield self._progress()
                yield Echo(asked.number)
            case Trace():
                self.traces.append(asked)

    def finish(self) -> Iterator[Answer]:
        if self.opened is not None:
            self.passed, self.rest = self.heard, []
            yield from self._close()
        self.silent_since = self.passed = self.heard
        yield self._progress()

    def _hear(self, audio: Audio) -> Iterator[Answer]:
        assert audio.offset_samples >= self.heard, "audio came twice"
        if audio.offset_samples > self.heard:
            if self.opened is not None:
                self.passed, self.rest = self.heard, []
                yield from self._close()
            self.passed = self.silent_since = self.heard = audio.offset_samples
            self.rest = []
        for value in audio.pcm.tolist():
            self.rest.append(value)
            self.heard += 1
            if self.heard % CELL == 0:
                yield from self._cell(any(self.rest))
                self.rest = []
        if self.passed - self.told >= PROGRESS * CELL:
            yield self._progress()

    def _cell(self, loud: bool) -> Iterator[Answer]:
        start, self.passed = self.passed, self.heard
        if self.opened is None and loud:
            self.opened = max(self.silent_since, start - PRE_ROLL * CELL)
            if not self.speaking:
                self.speaking = True
                yield SourceEvent(True, start)
        if self.opened is None:
            self.silent_since = max(self.silent_since, self.passed - PRE_ROLL * CELL)
            return
        self.quiet_cells = 0 if loud else self.quiet_cells + 1
        if loud:
            self.words.append(Word(f"w{start}", start, self.passed, 0.9))
            yield self._interim()
        if not self.obeys:
            return
        if self.quiet_cells == SILENCE:
            yield from self._close()
        elif self.passed - self.opened >= LONGEST * CELL:
            yield from self._close(split=True)

    def _interim(self) -> Result:
        self.revision += 1
        concluded = " ".join(word.text for word in self.words[:-1])
        text = f"{concluded} {self.words[-1].text[::-1]}".strip()
        said = Transcript(self.segment_id, self.revision, False, text, len(concluded), *self._bounds())
        return Result(said, 0)

    def _close(self, split: bool = False) -> Iterator[Answer]:
        if self.words:
            text = " ".join(word.text for word in self.words)
            start, end = self._bounds()
            final = Transcript(self.segment_id, self.revision + 1, True, text, len(text), start, end)
            yield Result(final, self.passed)
            self.segment_id += 1
        # What held no words was silence, as it is to a recognizer that starts in the midst of it.
        self.silent_since = self.passed if self.words else max(self.silent_since, self.passed - PRE_ROLL * CELL)
        self.words, self.revision, self.quiet_cells = [], 0, 0
        self.opened = self.passed if split else None
        if not split:
            self.speaking = False
            yield SourceEvent(False, self.passed)
        yield self._progress()

    def _bounds(self) -> tuple[int, int]:
        return self.words[0].start_samples, self.words[-1].end_samples

    def _progress(self) -> Progress:
        self.told = self.passed
        return Progress(self.passed, self.silent_since if self.opened is None else self.opened)
