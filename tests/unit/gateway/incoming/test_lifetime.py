"""How often a session's client may write to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.gateway.incoming.call import paced


async def test_what_a_client_sends_too_often_is_read_later_and_none_of_it_is_lost() -> None:
    now, waits = 0.0, []

    async def sent() -> AsyncIterator[int]:
        for number in range(1000):
            yield number

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(seconds)

    assert [number async for number in paced(sent(), 100, lambda: now, sleep)] == list(range(1000))
    assert now == pytest.approx((1000 - 400) / 100)
    assert max(waits) == pytest.approx(0.01)
