"""The ledger tells when each step of a segment had happened, and how far all is delivered."""

from __future__ import annotations

from services.common.audio.pcm import ASR_RATE
from services.gateway.account.ledger import Ledger
from services.gateway.values.continuation import Position
from services.gateway.values.speech import Steps, Transcript


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def said(number: int, start_s: float, end_s: float) -> Transcript:
    return Transcript(number, 1, True, "x", 1, int(start_s * ASR_RATE), int(end_s * ASR_RATE))


def heard(ledger: Ledger, clock: Clock, seconds: int) -> None:
    for second in range(seconds):
        ledger.received((second + 1) * ASR_RATE, ASR_RATE)
        clock.now += 1


def test_its_clock_starts_with_the_first_sample_and_runs_on_without_audio() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    assert ledger.now_samples == 0
    heard(ledger, clock, 3)
    clock.now += 10
    assert ledger.now_samples == 14 * ASR_RATE


def test_each_step_is_told_on_the_audio_clock() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    heard(ledger, clock, 3)  # chunks of a second: the last has arrived at 3 s, it is 4 s now
    ledger.opened(said(1, 0.5, 2.5))
    ledger.spoken(1, "es")
    clock.now += 0.25
    ledger.recognized(said(1, 0.5, 2.5), ["es"])
    clock.now += 0.25
    ledger.translated(1, "es")
    clock.now += 0.5
    assert ledger.sent(1, "es").steps == Steps(2500, 3000, 4250, 4500, 4000, 5000)


def test_a_step_that_did_not_take_place_has_no_time() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    heard(ledger, clock, 1)
    ledger.opened(said(1, 0, 1))
    ledger.recognized(said(1, 0, 1), ["es"])
    steps = ledger.sent(1, "es").steps
    assert (steps.translated_ms, steps.first_audio_ms) == (None, None)


def test_nothing_past_an_undelivered_segment_counts_as_delivered() -> None:
    ledger = Ledger(Clock())
    for number in (1, 2):
        ledger.opened(said(number, number, number + 0.5))
        ledger.recognized(said(number, number, number + 0.5), ["es", "ca"])
    ledger.finalized(3 * ASR_RATE)
    assert ledger.position == Position(0, 1)  # the first one's onset lies somewhere before its words
    ledger.sent(2, "es")
    ledger.sent(2, "ca")
    ledger.sent(1, "es")
    assert ledger.position == Position(0, 1)
    ledger.sent(1, "ca")
    assert ledger.position == Position(3 * ASR_RATE, 3)


def test_an_offset_is_acknowledged_once() -> None:
    ledger = Ledger(Clock())
    ledger.finalized(ASR_RATE)
    assert ledger.acknowledge(2 * ASR_RATE) is None
    assert ledger.acknowledge(ASR_RATE) == Position(ASR_RATE)
    assert ledger.acknowledge() is None


def test_a_voice_that_outlives_its_segment_opens_nothing() -> None:
    ledger = Ledger(Clock())
    ledger.opened(said(1, 0, 1))
    ledger.recognized(said(1, 0, 1), ["es"])
    ledger.finalized(ASR_RATE)
    ledger.sent(1, "es")
    ledger.trace(1)
    ledger.spoken(1, "ca")
    assert ledger.position.offset_samples == ASR_RATE
