"""A position is a cut: what is made again behind it has the numbers it had, and nothing before it comes again."""

from __future__ import annotations

from services.gateway.account.ledger import Delivery
from services.gateway.values.continuation import Position
from services.gateway.values.speech import Transcript


def said(number: int, start: int, end: int) -> Transcript:
    return Transcript(number, 1, True, "x", 1, start, end)


def typed(number: int, at: int) -> Transcript:
    return said(number, at, at)


def test_the_onset_of_a_segment_is_behind_the_cut() -> None:
    delivery = Delivery(Position(), {})
    delivery.finalized(700)
    delivery.opened(said(1, 1000, 2000))
    delivery.finalized(2000)
    assert delivery.position(0).offset_samples == 700


def test_a_segment_delivered_before_an_earlier_one_is_made_again_with_it() -> None:
    delivery = Delivery(Position(), {})
    delivery.opened(said(1, 100, 1000))
    delivery.finalized(1000)
    delivery.opened(said(2, 1100, 2000))
    delivery.finalized(2000)
    delivery.delivered(2)
    assert delivery.position(0) == Position(0, 1)
    delivery.delivered(1)
    assert delivery.position(0) == Position(2000, 3)


def test_speech_that_ended_while_typed_text_is_open_keeps_its_number() -> None:
    delivery = Delivery(Position(), {})
    delivery.opened(typed(1, 500))
    delivery.opened(said(2, 600, 1500))
    delivery.finalized(1500)
    delivery.delivered(2)
    assert delivery.position(0) == Position(0, 1)
    delivery.delivered(1)
    assert delivery.position(0) == Position(1500, 3)


def test_a_voice_is_where_it_was_when_the_last_segment_before_the_cut_was_said() -> None:
    delivery = Delivery(Position(voices={"es": 100}), {"es": 150})
    for number in (1, 2):
        delivery.opened(typed(number, 0))
    delivery.voice_sent("es", 400)
    delivery.said(1, "es")
    delivery.voice_sent("es", 900)
    delivery.said(2, "es")
    delivery.delivered(2)
    assert delivery.position(0).voices == {"es": 100}
    delivery.delivered(1)
    assert delivery.position(0).voices == {"es": 900}


def test_it_goes_on_from_where_a_handle_was() -> None:
    delivery = Delivery(Position(5000, 7, {"es": 100}, 60), {})
    assert delivery.position(80) == Position(5000, 7, {"es": 100}, 80)
    delivery.opened(said(7, 6000, 7000))
    delivery.finalized(7000)
    assert delivery.position(0) == Position(5000, 7, {"es": 100})
