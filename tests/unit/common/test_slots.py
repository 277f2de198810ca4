from __future__ import annotations

import pytest

from services.common.errors import AtCapacity
from services.common.slots import Slots


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
    assert (refused.value.code, refused.value.stage, refused.value.retry_after_ms) == ("AT_CAPACITY", "ASR", 700)
    with slots.taken():
        pass


def test_the_reserve_is_for_what_is_resumed() -> None:
    slots = Slots(2, "ASR", reserved=1)
    with slots.taken():
        with pytest.raises(AtCapacity), slots.taken():
            pass
        with slots.taken(resumed=True), pytest.raises(AtCapacity), slots.taken(resumed=True):
            pass
