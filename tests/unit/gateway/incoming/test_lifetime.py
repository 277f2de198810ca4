"""How often a session's client may write to it, and must."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.channel import Channel
from services.common.errors import InvalidArgument, TooSlow
from services.common.server.reading import Unreadable
from services.gateway.incoming.call import Inbound, Pace, received


def typed(number: int) -> pb.ClientMessage:
    return pb.ClientMessage(text=pb.TextChunk(text=str(number)))


async def filled(count: int) -> Channel[Inbound]:
    inbound: Channel[Inbound] = Channel(count + 1)
    for number in range(count):
        await inbound.put(typed(number))
    return inbound


async def test_what_a_client_sends_too_often_is_read_later_and_none_of_it_is_lost() -> None:
    now, waits = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(seconds)

    inbound = await filled(1000)
    await inbound.close()
    pace = Pace(100, idle_seconds=10, clock=lambda: now, sleep=sleep)
    assert [message async for message in received(inbound, pace)] == [typed(number) for number in range(1000)]
    assert now == pytest.approx((1000 - 400) / 100)
    assert max(waits) == pytest.approx(0.01)


async def test_a_client_is_known_to_speak_from_its_first_message_on() -> None:
    spoke: list[str] = []
    inbound = await filled(3)
    await inbound.close()
    async for _ in received(inbound, Pace(100, 10, spoke=lambda: spoke.append("spoke"))):
        assert spoke == ["spoke"]


async def test_a_client_that_sends_nothing_for_long_is_gone() -> None:
    messages = received(await filled(1), Pace(100, idle_seconds=0.01))
    assert await anext(messages) == typed(0)
    with pytest.raises(TooSlow, match=r"No message came for 0\.01 s"):
        await anext(messages)


async def test_a_message_that_cannot_be_read_is_refused_in_its_turn() -> None:
    inbound = await filled(1)
    await inbound.put(Unreadable(InvalidArgument("UNREADABLE_MESSAGE", "It cannot be parsed.")))
    messages = received(inbound, Pace(100, 10))
    assert await anext(messages) == typed(0)
    with pytest.raises(InvalidArgument):
        await anext(messages)
