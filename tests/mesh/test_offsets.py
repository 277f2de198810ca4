"""Offsets on the session's audio clock are right to 50 ms, after whatever was heard before and beside."""

from __future__ import annotations

import asyncio

from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, gateway, hello, loud, quiet, talk

NEAR_MS = 50
WORDS_S = 1.8  # a whole number of the scripted recognizer's words


def spoken(heard: Heard) -> list[tuple[int, int]]:
    """Where each segment's speech starts and ends, in milliseconds."""
    check(heard)
    return [(each.start_ms, each.end_ms) for each in heard.of("asr") if each.final]


def near(found: list[tuple[int, int]], *wanted: tuple[float, float]) -> bool:
    same = [
        abs(ours - 1000 * at) <= NEAR_MS
        for pair, times in zip(found, wanted, strict=True)
        for ours, at in zip(pair, times, strict=True)
    ]
    return all(same)


async def test_after_a_long_silence() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(quiet(60) + loud(WORDS_S) + quiet(1)))
    assert near(spoken(heard), (60.0, 61.8))


async def test_through_many_turns_of_speech_and_silence() -> None:
    turn = loud(WORDS_S) + quiet(1.2)
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(turn * 20))
    assert near(spoken(heard), *[(3.0 * number, 3.0 * number + 1.8) for number in range(20)])


async def test_of_two_sessions_that_change_places() -> None:
    """While one speaks the other is silent, then the other way round; neither hears of the other."""
    early, late = loud(WORDS_S) + quiet(3.2), quiet(2.5) + loud(WORDS_S) + quiet(0.7)
    async with gateway() as stub, asyncio.TaskGroup() as tasks:
        one = tasks.create_task(talk(stub, hello("es"), *chunks(early + late)))
        other = tasks.create_task(talk(stub, hello("es"), *chunks(late + early)))
    assert near(spoken(one.result()), (0.0, 1.8), (7.5, 9.3))
    assert near(spoken(other.result()), (2.5, 4.3), (5.0, 6.8))
