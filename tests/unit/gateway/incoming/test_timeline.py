"""Chunks are given in the order of the clock, each once, whatever became of them on the way."""

from __future__ import annotations

import pytest

from services.gateway.incoming.audio_clock import ClockRules, Packet, PlacedChunk, Timeline

RATE = 16_000
LONG = 320  # samples of a packet: 20 ms
RULES = ClockRules(RATE, filled_below=RATE // 2)


def packet(number: int, beside: int = 0) -> Packet:
    return Packet(b"%d" % number, number * LONG + beside, LONG)


def given(timeline: Timeline, *packets: Packet) -> list[PlacedChunk]:
    pieces = [piece for each in packets for piece in timeline.arrive(each)]
    return pieces + list(timeline.settle())


def numbers(pieces: list[PlacedChunk]) -> list[int]:
    return [int(piece.packet.data) for piece in pieces]


def assert_unbroken(pieces: list[PlacedChunk]) -> None:
    """No hole, and each begins where the one before it ended."""
    at = 0
    for piece in pieces:
        assert (piece.missing, piece.skip, piece.at) == (0, 0, at)
        at += piece.packet.samples + piece.stretch


def test_one_sample_beside_is_no_hole_and_no_repeat() -> None:
    pieces = given(Timeline(RULES, 0), packet(0), *[packet(number, (-1) ** number) for number in range(1, 100)])
    assert len(pieces) == 100
    assert_unbroken(pieces)


@pytest.mark.parametrize("ppm", [200, -200])
def test_a_clock_that_is_off_for_ten_minutes_is_followed_within_two_milliseconds(ppm: int) -> None:
    timeline = Timeline(RULES, 0)
    pieces = given(timeline, *[packet(number, number * LONG * ppm // 10**6) for number in range(30_000)])
    assert_unbroken(pieces)
    assert all(abs(piece.at - piece.packet.offset) <= 2 * RATE // 1000 for piece in pieces)
    assert max(abs(piece.stretch) for piece in pieces) <= LONG // 100


def test_packets_that_change_places_within_100_ms_are_put_in_order() -> None:
    order = [0, 1, 3, 4, 5, 6, 7, 2, 9, 8, 10]
    pieces = given(Timeline(RULES, 0), *[packet(number) for number in order])
    assert numbers(pieces) == sorted(order)
    assert_unbroken(pieces)


def test_audio_behind_a_hole_waits_for_100_ms_and_no_more() -> None:
    timeline = Timeline(RULES, 0)
    list(timeline.arrive(packet(0)))
    assert [len(list(timeline.arrive(packet(number)))) for number in range(2, 9)] == [0, 0, 0, 0, 0, 6, 1]


def test_a_hole_shorter_than_what_ends_a_segment_is_filled() -> None:
    pieces = given(Timeline(RULES, 0), *[packet(number) for number in (0, 1, *range(26, 40))])
    (hole,) = [piece for piece in pieces if piece.missing]
    assert (hole.at, hole.missing, hole.filled) == (26 * LONG, 24 * LONG, True)


def test_a_longer_hole_is_a_jump_at_once() -> None:
    timeline = Timeline(RULES, 0)
    list(timeline.arrive(packet(0)))
    (jump,) = timeline.arrive(packet(26))
    assert (jump.at, jump.missing, jump.filled) == (26 * LONG, 25 * LONG, False)


def test_what_comes_when_its_place_was_filled_is_dropped_and_counted() -> None:
    timeline = Timeline(RULES, 0)
    pieces = given(timeline, *[packet(number) for number in (0, *range(2, 12), 1, 12)])
    assert numbers(pieces) == [0, *range(2, 13)]
    assert timeline.late_samples == LONG


def test_a_repeat_is_dropped_and_is_not_late() -> None:
    timeline = Timeline(RULES, 0)
    pieces = given(timeline, *[packet(number) for number in (0, 1, 0, 1, 2)])
    assert numbers(pieces) == [0, 1, 2]
    assert_unbroken(pieces)
    assert timeline.late_samples == 0


def test_what_follows_a_repeat_is_cut_exactly_where_it_is_new() -> None:
    timeline = Timeline(RULES, 0)
    pieces = given(timeline, packet(0), packet(1), packet(0), Packet(b"2", LONG + 300, LONG))
    assert (pieces[-1].at, pieces[-1].skip) == (2 * LONG, 20)


def test_a_flood_of_tiny_chunks_behind_a_hole_is_not_kept() -> None:
    timeline = Timeline(RULES, 0)
    waiting = 0
    for place in range(1000, 3000):
        waiting += 1 - len(list(timeline.arrive(Packet(b"0", place, 1))))
        assert waiting <= 128
    for _ in range(1000):
        assert list(timeline.arrive(Packet(b"0", 8000, 1))) == []


def test_whole_packets_before_the_start_teach_the_decoder_once() -> None:
    timeline = Timeline(ClockRules(RATE, RATE // 2, whole=True), 3 * LONG + 100)
    pieces = given(timeline, *[packet(number) for number in (1, 2, 2, 3, 3, 4)])
    assert numbers(pieces) == [1, 2, 3, 4]
    assert [piece.skip for piece in pieces] == [LONG, LONG, 100, 0]
    assert [piece.at for piece in pieces] == [3 * LONG + 100] * 3 + [4 * LONG]
