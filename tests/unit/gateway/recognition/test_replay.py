"""What a recognizer has not settled is kept, and no more."""

from __future__ import annotations

import numpy as np

from services.gateway.recognition.replay import COALESCED_SAMPLES, Listening, ReplayBuffer
from services.gateway.values.speech import Audio, Commit, Kept, Mark, Marked, Progress
from tests.unit.gateway.recognition.fake_recognizer import CELL, LOUD, FakeRecognizer

BOUND = 20 * CELL


def audio(start: int, samples: int) -> Audio:
    return Audio(np.arange(start, start + samples).astype(np.int16), start)


def told(ring: ReplayBuffer, least_samples: int = 0) -> list[Kept]:
    found = []
    while kept := ring.next(least_samples):
        found.append(kept)
    return found


def test_small_audio_travels_together() -> None:
    ring = ReplayBuffer(0, BOUND)
    for start in range(0, 4000, 400):
        ring.append(audio(start, 400))
    first, second = told(ring, COALESCED_SAMPLES)
    assert isinstance(first, Audio)
    assert isinstance(second, Audio)
    assert len(first.pcm) == len(second.pcm) == COALESCED_SAMPLES
    (last,) = told(ring)
    assert isinstance(last, Audio)
    assert last.end_samples == 4000


def test_a_command_takes_the_audio_before_it_along() -> None:
    ring = ReplayBuffer(0, BOUND)
    ring.append(audio(0, 400))
    ring.append(Commit())
    assert [type(kept) for kept in told(ring, COALESCED_SAMPLES)] == [Audio, Commit]


def test_audio_does_not_grow_over_a_gap_of_the_clock() -> None:
    ring = ReplayBuffer(0, BOUND)
    ring.append(audio(0, 400))
    ring.append(audio(800, 400))
    assert [kept.offset_samples for kept in told(ring) if isinstance(kept, Audio)] == [0, 800]


def test_another_recognizer_is_told_from_the_finalized_offset_on_and_asked_behind_it() -> None:
    ring = ReplayBuffer(0, BOUND)
    mark = Mark("here")
    for said in (audio(0, 2000), mark, audio(2000, 2000), Commit()):
        ring.append(said)
    told(ring)
    ring.progressed(Progress(3000, 2500))
    ring.rewind()
    before, again, commit, question = told(ring)
    assert isinstance(before, Marked)
    assert before.mark is mark
    assert isinstance(again, Audio)
    assert again.offset_samples == 2500
    assert again.pcm.tolist() == audio(2500, 1500).pcm.tolist()
    assert commit == Commit()
    assert isinstance(question, Marked)
    assert question.mark is None


def test_an_answered_mark_is_not_sent_again() -> None:
    ring = ReplayBuffer(0, BOUND)
    ring.append(Mark("here"))
    (marked,) = told(ring)
    assert isinstance(marked, Marked)
    assert ring.answered(marked.number) is marked
    assert ring.answered(marked.number) is None
    ring.rewind()
    assert [kept.mark for kept in told(ring) if isinstance(kept, Marked)] == [None]


def test_audio_that_was_not_told_is_kept_whatever_the_recognizer_claims() -> None:
    ring = ReplayBuffer(0, BOUND)
    ring.append(audio(0, 2000))
    told(ring)
    ring.append(audio(2000, 2000))
    ring.progressed(Progress(10**9, 10**9))
    (kept,) = told(ring)
    assert isinstance(kept, Audio)
    assert kept.offset_samples == 2000


def test_a_short_silence_of_the_recognizer_is_in_order_and_a_second_of_audio_without_a_word_is_not() -> None:
    ring = ReplayBuffer(0, BOUND)
    ring.append(audio(0, 8000))
    told(ring)
    assert not ring.owed
    ring.append(audio(8000, 8000))
    told(ring)
    assert ring.owed
    ring.progressed(Progress(8000, 0))
    assert not ring.owed


def test_a_recognizer_that_does_not_end_its_segment_is_made_to() -> None:
    """Then the ring is never fuller than its bound and one piece more."""
    listening, stage = Listening(BOUND), FakeRecognizer(obeys=False)
    largest, finals = 0, 0
    for start in range(0, 100 * CELL, CELL):
        listening.say(Audio(LOUD, start))
        while asked := listening.next():
            for answer in stage.ask(asked):
                assert listening.hear(answer)
        largest = max(largest, start + CELL - listening.buffer.at.finalized_samples)
        finals += sum(getattr(each, "final", False) for each in listening.heard)
        listening.heard.clear()
    assert largest <= BOUND + CELL
    assert finals >= 4


def test_a_recognizer_that_finalizes_nothing_even_then_is_out_of_order() -> None:
    listening, fine = Listening(BOUND), True
    for start in range(0, 20 * CELL, CELL):
        listening.say(Audio(LOUD, start))
    stage = FakeRecognizer(obeys=False)
    while asked := listening.next():
        if not isinstance(asked, Commit):
            for answer in stage.ask(asked):
                fine = listening.hear(answer)
    assert not fine
