"""Whatever moment a recognizer dies at, the session hears what it would have heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.gateway.recognition.replay import COALESCED_SAMPLES, Listening
from services.gateway.recognition.takeover import Stretch
from services.gateway.values.speech import (
    Answer,
    Asked,
    Audio,
    Commit,
    Heard,
    Mark,
    Progress,
    Said,
    SourceEvent,
    Transcript,
)
from tests.unit.gateway.recognition.fake_recognizer import CELL, LONGEST, LOUD, QUIET, FakeRecognizer

BOUND = (LONGEST + 8) * CELL

PIECE = st.one_of(
    st.tuples(st.just("loud"), st.integers(1, 14)),
    st.tuples(st.just("quiet"), st.integers(1, 9)),
    st.tuples(st.sampled_from(["commit", "ping"]), st.just(0)),
    st.tuples(st.just("gap"), st.integers(1, 30)),
)
CHUNKS = st.lists(st.integers(300, 5000), min_size=1, max_size=8)
# So many steps of one kind, or rounds of all kinds, and now and then the end of a call.
FLOW = st.tuples(st.sampled_from(["all", "all", "say", "tell", "work", "hear"]), st.integers(1, 20))
CUT = st.tuples(st.sampled_from(["die", "leave"]), st.just(1))
STEPS = st.lists(st.one_of(FLOW, FLOW, CUT), max_size=30)


def spoken(pieces: list[tuple[str, int]], chunks: list[int]) -> list[Said]:
    """What a client says: audio in chunks of these lengths, over and over, with the rest in its place."""
    said: list[Said] = []
    clock = 0
    for kind, length in pieces:
        match kind:
            case "commit":
                said.append(Commit())
            case "ping":
                said.append(Mark(str(len(said))))
            case "gap":
                clock += length * CELL
            case _:
                pcm = np.concatenate([LOUD if kind == "loud" else QUIET] * length)
                while len(pcm):
                    size = chunks[len(said) % len(chunks)]
                    said.append(Audio(pcm[:size], clock))
                    clock, pcm = clock + len(pcm[:size]), pcm[size:]
    return said


@dataclass
class Line:
    """A session's recognition, one small step at a time. What is under way in either direction is lost with a call."""

    said: deque[Said]
    listening: Listening = field(default_factory=lambda: Listening(BOUND))
    stage: FakeRecognizer = field(default_factory=FakeRecognizer)
    asked: deque[Asked] = field(default_factory=deque)
    answers: deque[Answer] = field(default_factory=deque)
    heard: list[Heard] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    forgiving: bool = True  # a death is a mere move while an earlier one is not cleared
    suspected: int = 0

    def step(self, kind: str) -> bool:
        """One step; whether there was anything to step."""
        match kind:
            case "say" if self.said and not self.listening.buffer.full:
                self.listening.say(self.said.popleft())
            case "tell" if asked := self.listening.next(COALESCED_SAMPLES if self.said else 0):
                self.asked.append(asked)
            case "work" if self.asked:
                self.answers += self.stage.ask(self.asked.popleft())
            case "hear" if self.answers:
                assert self.listening.hear(self.answers.popleft())
                self.flush()
            case "die" | "leave":
                self.break_off(kind)
            case _:
                return False
        return True

    def break_off(self, kind: str) -> None:
        ring = self.listening.buffer
        if ring.at.processed_samples >= self.suspected:
            self.suspected = 0
        if kind == "die" and not (self.forgiving and self.suspected):
            self.suspected = ring.told_samples
            stretch = self.listening.died()
            self.stretches += [stretch] if stretch else []
        self.asked.clear()
        self.answers.clear()
        self.listening.moved()
        self.stage = FakeRecognizer(self.listening.segment_id, obeys=self.stage.obeys)
        self.flush()

    def flush(self) -> None:
        self.heard += self.listening.heard
        self.listening.heard.clear()

    def go(self, steps: list[tuple[str, int]]) -> None:
        for kind, times in steps:
            for _ in range(times):
                for each in ("say", "tell", "work", "hear") if kind == "all" else (kind,):
                    self.step(each)
        self.to_the_end()

    def to_the_end(self) -> Line:
        while any(self.step(kind) for kind in ("hear", "work", "tell", "say")):
            pass
        self.answers += self.stage.finish()
        while self.step("hear"):
            pass
        self.listening.end()
        self.flush()
        return self

    def finals(self) -> list[Transcript]:
        return [each for each in self.heard if isinstance(each, Transcript) and each.final]

    def finals_and_marks(self) -> list[object]:
        """In their order. A revision's number is nobody's business but that it rises."""
        return [
            each.text if isinstance(each, Mark) else (each.segment_id, each.text, each.start_samples, each.end_samples)
            for each in self.heard
            if isinstance(each, Mark) or (isinstance(each, Transcript) and each.final)
        ]


def check(line: Line) -> None:
    """What holds for every session."""
    transcripts = [each for each in line.heard if isinstance(each, Transcript)]
    numbers = [each.segment_id for each in transcripts if each.final]
    assert numbers == list(range(1, len(numbers) + 1))
    for before, after in pairwise(transcripts):
        if before.segment_id == after.segment_id:
            assert after.revision > before.revision
            assert not before.final
            assert after.text.startswith(before.stable_text)
            assert after.stable_length >= len(before.stable_text)
            assert not after.corrected
        else:
            assert before.final
    turns = [each.started for each in line.heard if isinstance(each, SourceEvent)]
    assert turns == [True, False] * (len(turns) // 2)
    for earlier, later in pairwise([each for each in line.heard if isinstance(each, Progress)]):
        assert later.processed_samples >= earlier.processed_samples
        assert later.finalized_samples >= earlier.finalized_samples


@example(
    pieces=[("loud", 9), ("loud", 9), ("quiet", 5), ("loud", 9)],
    chunks=[1029],
    steps=[("all", 1), ("all", 11), ("all", 20), ("die", 1)],
)
@settings(max_examples=200, deadline=None)
@given(st.lists(PIECE, max_size=14), CHUNKS, STEPS)
def test_nothing_is_lost_or_doubled_whatever_the_moment_a_recognizer_dies(
    pieces: list[tuple[str, int]], chunks: list[int], steps: list[tuple[str, int]]
) -> None:
    said = spoken(pieces, chunks)
    undisturbed = Line(deque(said)).to_the_end()
    line = Line(deque(said))
    line.go(steps)
    check(undisturbed)
    check(line)
    assert not line.stretches
    assert line.finals_and_marks() == undisturbed.finals_and_marks()
    assert not line.listening.buffer.unanswered


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECE, max_size=14), CHUNKS, STEPS)
def test_audio_that_ended_two_recognizers_is_left_out_and_nothing_else(
    pieces: list[tuple[str, int]], chunks: list[int], steps: list[tuple[str, int]]
) -> None:
    said = spoken(pieces, chunks)
    whole = {word for final in Line(deque(said)).to_the_end().finals() for word in final.text.split()}
    line = Line(deque(said), forgiving=False)
    line.go(steps)
    check(line)
    words = [word for final in line.finals() for word in final.text.split()]
    assert len(set(words)) == len(words)
    for word in whole - set(words):
        start = int(word[1:])
        assert any(each.from_samples < start + CELL and start < each.to_samples for each in line.stretches), word
    assert [each for each in line.heard if isinstance(each, Mark)] == [each for each in said if isinstance(each, Mark)]
