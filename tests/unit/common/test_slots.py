from __future__ import annotations

import pytest

from services.common.errors import AtCapacity
from services.common.server.slots import Slots


def test_a_slot_is_given_back_however_the_block_ends() -> None:
    slots = Slots(1, "ASR")
    with slots.taken():
        assert slots.used == 1
    with pytest.raises(KeyError), slots.taken():
        raise KeyError
    assert slots.used == 0


def test_the_door_closes_at_the_last_slot_and_says_when_to_come_back() -> None:
    slots = Slots(2, "ASR", retry_after_ms=700)
    with slots.taken(), slots.taken():
        with pytest.raises(AtCapacity) as refused, slots.taken():
            pass
        assert slots.used == 2
    assert (refused.value.code, refused.value.stage) == ("AT_CAPACITY", "ASR")
    assert 350 <= (refused.value.retry_after_ms or 0) <= 1050
    with slots.taken():
        pass


def test_those_refused_together_are_not_told_to_come_back_together() -> None:
    slots = Slots(0, "ASR", retry_after_ms=10_000)
    told = set()
    for _ in range(20):
        with pytest.raises(AtCapacity) as refused, slots.taken():
            pass
        told.add(refused.value.retry_after_ms)
    assert len(told) > 10


def test_the_reserve_is_for_those_who_resume() -> None:
    slots = Slots(2, "ASR", reserved=1)
    with slots.taken(resumed=True):
        with pytest.raises(AtCapacity, match="kept for sessions that resume"), slots.taken():
            pass
        with slots.taken(resumed=True), pytest.raises(AtCapacity), slots.taken(resumed=True):
            pass
    with slots.taken(), slots.taken(resumed=True):
        assert slots.used == 2
