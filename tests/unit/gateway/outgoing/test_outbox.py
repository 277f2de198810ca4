"""What waits for a client: bounded, in order, interim results replaced by newer ones."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.outgoing.outbox import Outbox, Room


async def sent(outbox: Outbox[str]) -> list[str]:
    await outbox.close()
    return [message async for messages in outbox for message in messages]


async def test_messages_leave_in_the_order_they_came() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    for message in ("one", "two", "three"):
        await outbox.put(message)
    assert await sent(outbox) == ["one", "two", "three"]


async def test_a_newer_interim_result_replaces_the_waiting_one() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    await outbox.put_interim("es", "ho")
    await outbox.put_interim("fr", "sa")
    await outbox.put_interim("es", "hola")
    assert await sent(outbox) == ["sa", "hola"]


async def test_a_final_takes_the_place_of_its_interim_results_alone() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    await outbox.put_interim("es", "ho")
    await outbox.put_interim("fr", "sa")
    await outbox.put("hola.", final_of="es")
    assert await sent(outbox) == ["sa", "hola."]


async def test_a_full_outbox_makes_its_producer_wait() -> None:
    outbox: Outbox[str] = Outbox(Room(1))
    await outbox.put("one")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await outbox.put("two")
    assert await anext(outbox) == ["one"]
    await outbox.put("two")


async def test_a_full_outbox_still_takes_a_newer_interim_result() -> None:
    outbox: Outbox[str] = Outbox(Room(1))
    await outbox.put_interim("es", "ho")
    await outbox.put_interim("es", "hola")
    assert await sent(outbox) == ["hola"]


async def test_interrupted_speech_is_gone_and_the_rest_stays() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    await outbox.put_speech("es", lambda: ["[hola]"])
    await outbox.put_speech("fr", lambda: ["[salut]"])
    await outbox.put_interim("es", "caption")
    await outbox.put("final")
    await outbox.drop_speech("es")
    assert await sent(outbox) == ["[salut]", "caption", "final"]


async def test_a_message_made_in_its_turn_is_made_after_all_before_it_left() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    left: list[str] = []
    await outbox.put("one")
    await outbox.put_made(lambda: [f"after {left}"])
    await outbox.close()
    async for messages in outbox:
        left += messages
    assert left == ["one", "after ['one']"]


async def test_what_waits_is_bounded_in_bytes_as_well() -> None:
    outbox: Outbox[str] = Outbox(Room(9, bytes=10, size_of=len))
    await outbox.put("1234")
    await outbox.put_speech("es", lambda: ["speech"], 6)
    assert outbox.waiting_bytes == 10
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await outbox.put("5")
    await anext(outbox)
    await outbox.put("5")


async def test_what_is_larger_than_all_the_room_goes_alone() -> None:
    outbox: Outbox[str] = Outbox(Room(9, bytes=3, size_of=len))
    await outbox.put("far too long")
    assert await anext(outbox) == ["far too long"]


async def test_a_note_finds_room_in_a_full_outbox_and_tells_what_holds_when_it_is_sent() -> None:
    outbox: Outbox[str] = Outbox(Room(1))
    noted: list[str] = []
    await outbox.put("first")
    for number in range(3):
        noted.append(str(number))
        await outbox.note("all", lambda: noted)
    assert await sent(outbox) == ["first", "0", "1", "2"]
