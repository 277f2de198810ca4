from __future__ import annotations

import asyncio

import pytest

from services.common.channel import Channel, ChannelClosed


async def test_items_come_out_in_order_until_the_end() -> None:
    channel = Channel[int](3)
    for item in (1, 2, 3):
        await channel.put(item)
    await channel.close()
    assert [item async for item in channel] == [1, 2, 3]


async def test_put_waits_while_the_room_is_taken() -> None:
    channel = Channel[int](1)
    await channel.put(1)
    async with asyncio.TaskGroup() as group:
        second = group.create_task(channel.put(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not second.done()
        assert await anext(channel) == 1
        await second
    assert len(channel) == 1


async def test_a_waiting_put_hears_of_the_close() -> None:
    channel = Channel[int](1)
    await channel.put(1)
    with pytest.RaisesGroup(ChannelClosed):
        async with asyncio.TaskGroup() as group:
            group.create_task(channel.put(2))
            await asyncio.sleep(0)
            await channel.close()


async def test_nothing_can_be_put_after_the_close() -> None:
    channel = Channel[int](1)
    await channel.close()
    await channel.close()
    with pytest.raises(ChannelClosed):
        await channel.put(1)


async def test_a_waiting_taker_hears_of_the_close() -> None:
    channel = Channel[int](1)
    async with asyncio.TaskGroup() as group:
        taken = group.create_task(_all(channel))
        await asyncio.sleep(0)
        await channel.close()
    assert taken.result() == []


async def test_clearing_takes_what_waits_and_makes_room() -> None:
    channel = Channel[int](2)
    await channel.put(1)
    await channel.put(2)
    async with asyncio.TaskGroup() as group:
        third = group.create_task(channel.put(3))
        await asyncio.sleep(0)
        assert await channel.clear() == [1, 2]
        await third
    assert await channel.clear() == [3]


async def test_a_cancelled_put_leaves_the_channel_whole() -> None:
    channel = Channel[int](1)
    await channel.put(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await channel.put(2)
    await channel.close()
    assert [item async for item in channel] == [1]


async def _all(channel: Channel[int]) -> list[int]:
    return [item async for item in channel]
