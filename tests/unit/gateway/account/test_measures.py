"""What a session measures is what its client was shown and waited for."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bench.measuring.metrics import erasure
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE
from services.gateway.account.ledger import Ledger, Outcome
from services.gateway.account.measures import Measures, PairOutcome, Recent
from services.gateway.outgoing import messages
from services.gateway.values.continuation import Continuation, SegmentContinuation, TargetContinuation
from services.gateway.values.speech import Caption, Transcript
from services.gateway.values.terms import Uses
from tests.measured import Measured, measured
from tests.unit.gateway.account.test_ledger import Clock, heard, said


@pytest.fixture
def seen() -> Iterator[Measured]:
    with measured() as measures:
        yield measures


class Session:
    """One with a clock that the test moves."""

    def __init__(self, goes_on: Continuation | None = None) -> None:
        self.clock = Clock()
        self.ledger = Ledger(self.clock, goes_on)
        self.measures = Measures("en", self.ledger, goes_on)

    def recognizes(self, said: Transcript) -> None:
        self.ledger.opened(said)
        self.ledger.recognized(said, ["es"])

    def translates(self, number: int, text: str = "uno", stable: int = 3, final: bool = False) -> None:
        result = pb.TranslationResult(segment_id=number, target_lang="es", text=text, stable_length=stable, final=final)
        if final:
            self.ledger.translated(number, "es")
        self.measures.written(pb.ServerMessage(translation=result))

    def speaks(self, number: int, rate: float = 0.0) -> None:
        self.ledger.spoken(number, "es")
        chunk = pb.TtsChunk(segment_id=number, target_lang="es", speaking_rate=rate)
        self.measures.written(pb.ServerMessage(tts=chunk))

    def delivers(self, number: int) -> None:
        self.measures.delivered(number, "es", self.ledger.sent(number, "es"))

    def lives(self, said: Transcript) -> None:
        """A segment's life: each step half a second behind the one before."""
        self.recognizes(said)
        for step in (self.translates, self.speaks, self.delivers):
            self.clock.now += 0.5
            step(said.segment_id)


def test_waits_are_counted_from_when_speech_was_captured(seen: Measured) -> None:
    session = Session()
    heard(session.ledger, session.clock, 3)  # it is 4 s on the session's clock, and the last second came at 3 s
    session.recognizes(said(1, 0.5, 2.5))
    session.clock.now += 0.25
    session.translates(1, stable=0)  # nothing is concluded
    session.clock.now += 0.25
    session.translates(1)
    session.translates(1, "uno dos", 7, final=True)
    session.clock.now += 0.5
    session.speaks(1)
    session.speaks(1)
    session.clock.now += 1
    session.delivers(1)
    assert seen.least("first_word") == {("en", "es"): pytest.approx(4.0)}
    assert seen.least("first_audio") == {("en", "es"): pytest.approx(4.5)}
    assert seen.least("lag") == {("en", "es"): pytest.approx(3.5)}
    assert {step: at for (*_, step), at in seen.least("segment.step").items()} == pytest.approx(
        {"received": 0.5, "recognized": 1.5, "translated": 2.0, "first_audio": 2.5, "sent": 3.5}
    )
    for name in ("first_word", "first_audio", "lag"):
        assert seen.counts(name) == {("en", "es"): 1}


def test_typed_text_is_counted_from_when_it_came(seen: Measured) -> None:
    session = Session()
    session.clock.now += 60
    session.ledger.opened(Transcript(1, 1, False, "he", 0, typed=True))
    session.clock.now += 2
    session.lives(Transcript(1, 2, True, "hello", 5, typed=True))
    assert seen.least("first_word") == {("en", "es"): pytest.approx(2.5)}
    assert seen.least("first_audio") == {("en", "es"): pytest.approx(3.0)}
    assert seen.least("lag") == {("en", "es"): pytest.approx(1.5)}
    assert {step for *_, step in seen.points("segment.step")} == {"first_audio", "sent"}


def test_speech_after_typed_text_and_after_a_gap_is_counted_from_its_own_capture(seen: Measured) -> None:
    for before_samples, typed in ((0, True), (30 * ASR_RATE, False)):
        session = Session()
        if typed:
            session.recognizes(Transcript(1, 1, True, "hello", 5, typed=True))
            session.clock.now += 60
        session.ledger.received(before_samples + ASR_RATE, ASR_RATE)
        spoken = Transcript(2, 1, True, "x", 1, before_samples, before_samples + ASR_RATE)
        session.lives(spoken)
    lags = seen.points("lag")["en", "es"]
    assert (lags.count, lags.min, lags.max) == (2, pytest.approx(1.5), pytest.approx(1.5))


def test_nobody_waits_for_a_recording_that_comes_faster_than_real_time(seen: Measured) -> None:
    session = Session()
    for second in range(60):
        session.ledger.received((second + 1) * ASR_RATE, ASR_RATE)
    session.lives(said(1, 40, 50))
    assert not seen.points("first_word")
    assert not seen.points("first_audio")
    assert not seen.points("lag")
    assert seen.counted("segments") == {("en", "es", "whole"): 1}


def test_what_was_captured_before_the_session_was_resumed_counts_from_then(seen: Measured) -> None:
    transcript = said(3, 40, 50)
    session = Session(Continuation("s", 1, 50 * ASR_RATE, 4, None, (transcript,), {}, clock_ms=56_000))
    session.lives(transcript)
    assert seen.least("lag") == {("en", "es"): pytest.approx(7.5)}
    assert seen.least("first_word") == {("en", "es"): pytest.approx(16.5)}


def test_a_session_that_lost_its_clock_counts_no_waits(seen: Measured) -> None:
    session = Session(Continuation("s", 1, 0, 1, None, (), {}, clock_ms=0))
    heard(session.ledger, session.clock, 3)
    session.lives(said(1, 0.5, 2.5))
    assert not seen.points("lag")
    assert not seen.points("first_word")


def test_what_the_client_of_a_resumed_session_has_was_counted_before(seen: Measured) -> None:
    had = SegmentContinuation("uno", final=False, revision=1, spoken="", speaking="uno", speaking_samples=100)
    goes_on = Continuation(
        "s", 1, 0, 1, None, (), {"es": TargetContinuation(segments={1: had})}, clock_ms=4000, last_segment_id=1
    )
    session = Session(goes_on)
    session.lives(said(1, 0.5, 2.5))
    session.lives(said(2, 3.0, 3.5))
    assert seen.counts("first_word") == {("en", "es"): 1}
    assert seen.counts("first_audio") == {("en", "es"): 1}
    assert seen.counts("lag") == {("en", "es"): 2}


def test_erasure_is_that_of_the_benchmark_whatever_is_shown(seen: Measured) -> None:
    chance, session, segments = random.Random(7), Session(), []
    for number in range(1, 30):
        texts = [" ".join(chance.choices("abc", k=chance.randrange(6))) for _ in range(chance.randrange(1, 8))]
        segments.append(erasure(texts))
        session.recognizes(said(number, number, number + 1))
        for count, text in enumerate(texts, start=1):
            session.translates(number, text, 0, final=count == len(texts))
    caption = ("en", "es", "translation")
    assert seen.values("tokens.erased") == {caption: sum(each.deleted for each in segments)}
    assert seen.values("tokens.final") == {caption: sum(each.final for each in segments)}


def test_segments_that_never_became_final_erase_nothing(seen: Measured) -> None:
    session = Session()
    for text in ("one", "two"):
        session.measures.written(pb.ServerMessage(asr=pb.AsrResult(segment_id=1, text=text)))
    assert not seen.points("tokens.erased")
    session.measures.written(pb.ServerMessage(asr=pb.AsrResult(segment_id=1, text="three four", final=True)))
    assert seen.values("tokens.erased") == {("en", "transcript"): 2}
    assert seen.values("tokens.final") == {("en", "transcript"): 2}


def test_a_segment_counts_as_the_worst_that_became_of_it(seen: Measured) -> None:
    session = Session()
    for outcomes in ([], [Outcome.CAPTIONS], [Outcome.CAPTIONS, Outcome.UNTRANSLATED, Outcome.CAPTIONS]):
        session.recognizes(said(len(outcomes) + 1, 0, 1))
        for outcome in outcomes:
            session.ledger.fell_short(len(outcomes) + 1, "es", outcome)
        session.delivers(len(outcomes) + 1)
    assert seen.counted("segments") == {
        ("en", "es", "whole"): 1,
        ("en", "es", "captions"): 1,
        ("en", "es", "untranslated"): 1,
    }


def test_audio_counts_as_it_comes_and_each_gap_by_its_reason(seen: Measured) -> None:
    session = Session()
    for _ in range(25):
        session.measures.accepted(ASR_RATE // 10)
    assert seen.values("audio") == {("en",): pytest.approx(2.0)}
    session.measures.count_audio()
    assert seen.values("audio") == {("en",): pytest.approx(2.5)}
    for gap in (messages.skipped, messages.quarantined, messages.missing_audio):
        session.measures.written(gap(0, ASR_RATE))
    assert seen.values("audio.skipped") == {("en", reason): 1.0 for reason in ("overload", "quarantined", "missing")}


def test_a_notice_counts_when_it_begins_and_a_clauses_rate_when_it_does(seen: Measured) -> None:
    session = Session()
    for over in (False, True):
        session.measures.written(messages.degraded("MT", "es", "OVERLOAD", 0, over))
    session.measures.written(messages.unspoken("es", 1, "uno", "MAX_LAG"))
    assert seen.counted("degradations") == {("mt", "OVERLOAD"): 1, ("tts", "MAX_LAG"): 1}
    for rate in (1.25, 0.0):
        session.speaks(1, rate)
    assert seen.counts("speaking_rate") == {("es",): 1}
    assert seen.least("speaking_rate") == {("es",): 1.25}


def test_finals_that_do_not_begin_with_what_was_concluded_are_counted(seen: Measured) -> None:
    session, transcript = Session(), Transcript(1, 1, final=True, text="one two", stable_length=7)
    session.measures.began("es")
    finals = (Caption("uno dos", 7, final=True), Caption("uno un dos", 10, final=True, retranslation="un dos"))
    for caption in finals:
        session.measures.written(messages.translation(transcript, caption, "es", 1, Uses()))
    (counted,) = seen.values("translations.contradicted").values()
    assert counted == 1


def test_a_wait_that_nobody_can_have_had_is_not_recorded(seen: Measured) -> None:
    recent = Recent()
    goes_on = Continuation("s", 1, 0, 1, None, (), {}, clock_ms=2**40)
    session = Session(goes_on)
    session.measures = Measures("en", session.ledger, goes_on, recent)
    heard(session.ledger, session.clock, 3)
    session.lives(said(1, 0.5, 2.5))
    assert recent.outcomes() == [PairOutcome(("en", "es"), 1, None, None)]
    assert not seen.counts("lag")
    assert not seen.counts("first_word")
