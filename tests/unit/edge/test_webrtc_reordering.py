"""A track's packets, put in order."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("aiortc")

from aiortc.rtp import RtpPacket

from services.edge.webrtc.reordering import WAIT_PACKETS, Reordering

SAMPLES = 960  # of a packet of 20 ms


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % (1 << 16), timestamp=number * SAMPLES % (1 << 32))
    return holding(made, b"opus")


def holding(packet: RtpPacket, content: bytes) -> RtpPacket:
    """A packet as aiortc's receiver hands it on, with what it holds."""
    vars(packet)["_data"] = content
    return packet


def given(numbers: list[int]) -> list[int | None]:
    """The numbers that are given out, one place for each that comes in."""
    buffer = Reordering()
    frames = [buffer.add(packet(number))[1] for number in numbers]
    return [frame.timestamp // SAMPLES if frame else None for frame in frames]


def test_packets_in_order_are_given_out_at_once() -> None:
    assert given([7, 8, 9]) == [7, 8, 9]


def test_packets_that_changed_places_are_put_in_order() -> None:
    assert given([1, 3, 2, 4, 5]) == [1, None, 2, 3, 4]


def test_a_lost_packet_is_given_up_behind_a_few_and_costs_no_other() -> None:
    numbers = [1, *range(3, 30)]
    found = given(numbers)
    assert found[1:WAIT_PACKETS] == [None] * (WAIT_PACKETS - 1)
    assert [each for each in found if each] == numbers[: -(WAIT_PACKETS - 1)]


def test_further_losses_make_nothing_later() -> None:
    lost = {number for number in range(2, 2000) if number % 20 == 0}
    numbers = [number for number in range(1, 2000) if number not in lost]
    found = given(numbers)
    waited = [number - out for number, out in zip(numbers, found, strict=True) if out]
    assert max(waited) <= 2 * WAIT_PACKETS


def test_jitter_and_loss_push_no_packet_out() -> None:
    chance = random.Random(5)
    sent = [number for number in range(1, 3000) if chance.random() >= 0.05]
    came = sorted(sent, key=lambda number: number * 20 + chance.uniform(0, 50))
    out = [each for each in given(came) if each]
    assert out == sorted(out)
    assert len(out) >= len(sent) - 2 * WAIT_PACKETS


def test_numbers_go_on_over_their_end_and_a_sender_may_begin_anew() -> None:
    assert given([65_534, 65_535, 65_536, 65_537]) == [65_534, 65_535, 65_536, 65_537]
    assert given([100, 101, 40_000, 40_001]) == [100, 101, 40_000, 40_001]


def test_what_comes_late_or_empty_is_left_out() -> None:
    buffer = Reordering()
    assert buffer.add(packet(5))[1]
    assert buffer.add(packet(4))[1] is None
    assert buffer.add(holding(packet(6), b""))[1] is None
