"""What becomes of packets on their way: some are lost, alone or in bursts, some change places, clocks are off. Pure.

All that is random is seeded, so that two arms lose the same packets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TypeAlias

PACKET_MS = 20
BURSTS_EVERY_MS = 4000  # on the average
SWAPPED_SHARE = 0.1
MOST_SWAPPED = 4  # places a packet may come too late by: 80 ms


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet, and where its client says that it belongs."""

    data: bytes
    offset_samples: int


Packets: TypeAlias = Sequence[Packet]
Damage: TypeAlias = Callable[[Packets, Random], Packets]


def unharmed(packets: Packets, _random: Random) -> Packets:
    """All of them, as they are."""
    return packets


def lost(packets: Packets, random: Random, share: float) -> Packets:
    """Without a share of them, each as likely as the others."""
    return [packet for packet in packets if random.random() >= share]


def bursts(packets: Packets, random: Random, burst_ms: int) -> Packets:
    """Without bursts of packets, one every four seconds on the average."""
    kept: list[Packet] = []
    left = 0
    for packet in packets:
        if not left and random.random() < PACKET_MS / BURSTS_EVERY_MS:
            left = burst_ms // PACKET_MS
        if left:
            left -= 1
        else:
            kept.append(packet)
    return kept


def jittered(packets: Packets, random: Random) -> Packets:
    """Each offset a sample too low, right, or a sample too high."""
    return [replace(each, offset_samples=max(0, each.offset_samples + random.randint(-1, 1))) for each in packets]


def swapped(packets: Packets, random: Random) -> Packets:
    """A tenth of them up to 80 ms too late."""
    late = [random.randint(1, MOST_SWAPPED) if random.random() < SWAPPED_SHARE else 0 for _ in packets]
    order = sorted(range(len(packets)), key=lambda place: (place + late[place] + (0.5 if late[place] else 0), place))
    return [packets[place] for place in order]


def drifting(packets: Packets, _random: Random, ppm: int) -> Packets:
    """By a clock that runs so many millionths too fast."""
    return [replace(each, offset_samples=each.offset_samples * (10**6 + ppm) // 10**6) for each in packets]


DAMAGES: Mapping[str, Damage] = {
    "none": unharmed,
    "1 % lost": partial(lost, share=0.01),
    "2 % lost": partial(lost, share=0.02),
    "5 % lost": partial(lost, share=0.05),
    "10 % lost": partial(lost, share=0.10),
    "bursts of 100 ms": partial(bursts, burst_ms=100),
    "bursts of 300 ms": partial(bursts, burst_ms=300),
    "±1 sample": jittered,
    "swapped": swapped,
}
CLOCK: Damage = partial(drifting, ppm=200)
