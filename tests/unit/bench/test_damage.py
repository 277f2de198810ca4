"""Packets are damaged as the name says, and the same ones each time."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from bench.audio.damage import CLOCK, DAMAGES, MOST_SWAPPED, Packet

PACKETS = [Packet(b"%d" % number, 320 * number) for number in range(5000)]


@pytest.mark.parametrize("name", DAMAGES)
def test_two_arms_get_the_same_packets(name: str) -> None:
    assert DAMAGES[name](PACKETS, Random(name)) == DAMAGES[name](PACKETS, Random(name))


@pytest.mark.parametrize("percent", [1, 2, 5, 10])
def test_the_share_that_is_named_is_lost(percent: int) -> None:
    kept = DAMAGES[f"{percent} % lost"](PACKETS, Random(1))
    assert len(PACKETS) - len(kept) == pytest.approx(50 * percent, rel=0.25)


@pytest.mark.parametrize("burst", [5, 15])
def test_bursts_are_as_long_as_they_are_named(burst: int) -> None:
    kept = DAMAGES[f"bursts of {20 * burst} ms"](PACKETS[:1000], Random(2))
    places = [packet.offset_samples // 320 for packet in kept]
    holes = [after - before - 1 for before, after in pairwise(places) if after - before > 1]
    assert holes
    assert all(hole % burst == 0 for hole in holes)


def test_swapped_packets_are_all_there_and_near_their_places() -> None:
    swapped = DAMAGES["swapped"](PACKETS, Random(3))
    assert sorted(swapped, key=lambda packet: packet.offset_samples) == PACKETS
    moved = [abs(place - packet.offset_samples // 320) for place, packet in enumerate(swapped)]
    assert 0 < max(moved) <= 2 * MOST_SWAPPED


def test_a_clock_that_is_off_is_120_ms_ahead_after_ten_minutes() -> None:
    (last,) = CLOCK([Packet(b"", 600 * 16_000)], Random(0))
    assert last.offset_samples == 600 * 16_000 + 120 * 16
