"""What waits for the archive is bounded, sealed once, and counted where it is lost."""

from __future__ import annotations

import json

import numpy as np

from services.gateway.archive import recorder as recording
from services.gateway.archive.recorder import NOTHING, Keeps, Recorder
from services.gateway.archive.sealing import State, new_key, unsealed
from services.gateway.values.continuation import Continuation, SegmentContinuation, TargetContinuation
from services.gateway.values.speech import Audio, Transcript


def said(number: int, text: str = "words") -> Transcript:
    return Transcript(number, 1, True, text, len(text))


def told(key: bytes, stored: bytes) -> list[dict[str, object]]:
    return [json.loads(record.partition(b"\n")[0]) for record in unsealed(key, "part", stored).records]


def test_a_batch_that_failed_is_the_same_one_when_it_is_tried_again() -> None:
    key = new_key()
    recorder = Recorder("part", key)
    recorder.transcript(said(1), "en")
    first = recorder.batch()
    recorder.transcript(said(2), "en")
    recorder.close()
    assert recorder.batch() == first
    assert recorder.waiting == 2
    recorder.wrote()
    second = recorder.batch()
    recorder.wrote()
    assert not recorder.due
    assert second.offset == len(first.sealed)
    assert unsealed(key, "part", first.sealed + second.sealed).state is State.WHOLE
    assert [each["kind"] for each in told(key, first.sealed + second.sealed)] == ["source", "source", "end"]


def test_more_than_there_is_room_for_is_lost_by_count() -> None:
    key = new_key()
    recorder = Recorder("part", key)
    for number in range(recording.MOST_RECORDS + 5):
        recorder.transcript(said(number + 1), "en")
    recorder.close()
    end = told(key, recorder.batch().sealed)[-1]
    assert (end["records"], end["lost"]) == (recording.MOST_RECORDS, 5)


def test_bytes_that_wait_are_bounded_too() -> None:
    recorder = Recorder("part", new_key(), Keeps(audio=True))
    for number in range(10):
        recorder.audio(Audio(np.zeros(recording.MOST_BYTES // 8, np.int16), number))
    assert recorder.progress.lost == 7


def test_a_part_that_was_deleted_or_given_up_holds_nothing_any_more() -> None:
    for end in (Recorder.drop, Recorder.give_up):
        recorder = Recorder("part", new_key())
        recorder.transcript(said(1), "en")
        end(recorder)
        recorder.transcript(said(2), "en")
        assert (recorder.waiting, recorder.due) == (0, False)


def test_what_is_not_archived_takes_down_nothing() -> None:
    NOTHING.transcript(said(1), "en")
    NOTHING.close()
    assert (NOTHING.waiting, NOTHING.due) == (0, False)


def test_neither_what_is_tentative_nor_an_empty_text_is_taken_down() -> None:
    recorder = Recorder("part", new_key())
    recorder.transcript(Transcript(1, 1, True, "words", 5, language_tentative=True), "en")
    recorder.transcript(said(2, ""), "en")
    recorder.translation(said(2), "es", "")
    assert not recorder.due


def test_what_a_resuming_client_has_is_taken_down_again() -> None:
    """The gateway before may have ended before it wrote it."""
    key = new_key()
    recorder = Recorder("part", key)
    final = SegmentContinuation("palabras", True, 1, "", "", 0)
    begun = SegmentContinuation("otras", False, 1, "", "", 0)
    targets = {"es": TargetContinuation(segments={1: final, 2: begun})}
    goes_on = Continuation("session", 1, 0, 3, None, (said(1), said(2, "other words")), targets, 0)
    recorder.resumed(goes_on, "en")
    texts = [(each["kind"], each["segment_id"], each["text"]) for each in told(key, recorder.batch().sealed)]
    assert texts == [("source", 1, "words"), ("source", 2, "other words"), ("translation", 1, "palabras")]


def test_writes_that_lie_apart_are_joined_when_they_are_many_and_at_the_end() -> None:
    recorder, stored, joined = Recorder("part", new_key(), Keeps(joins=True)), b"", list[bytes]()
    for number in range(1, recording.JOINED + 3):
        recorder.transcript(said(number), "en")
        if number == recording.JOINED + 2:
            recorder.close()
        stored += recorder.batch().sealed
        recorder.wrote()
        if apart := recorder.joinable():
            joined.append(b"".join(sealed for _, sealed in apart))
            assert stored[apart[0][0] :] == joined[-1]
    assert b"".join(joined) == stored
    assert len(joined) == 2


def test_a_store_that_keeps_them_together_is_given_nothing_to_join() -> None:
    recorder = Recorder("part", new_key())
    for number in range(1, 3):
        recorder.transcript(said(number), "en")
        recorder.batch()
        recorder.wrote()
    recorder.close()
    recorder.batch()
    recorder.wrote()
    assert recorder.joinable() == []
