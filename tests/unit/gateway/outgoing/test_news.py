"""An interim result that says nothing new is not sent."""

from __future__ import annotations

from services.gateway.outgoing.outbox import Outbox, Room


async def tells(outbox: Outbox[str], about: object, text: str, stable_length: int) -> bool:
    await outbox.put_interim(about, "interim", shown=(text, stable_length))
    waits = outbox.waiting_bytes > 0
    await outbox.clear()
    return waits


async def test_a_text_is_told_once_and_again_when_it_or_its_concluded_part_changes() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    said = [("", 0), ("one", 0), ("one", 0), ("one", 3), ("one", 3), ("one two", 3), ("", 0), ("", 0)]
    told = [await tells(outbox, "segment", *each) for each in said]
    assert told == [False, True, False, True, False, True, True, False]


async def test_each_segment_and_language_has_its_own_and_is_forgotten_with_its_final() -> None:
    outbox: Outbox[str] = Outbox(Room(9))
    assert await tells(outbox, ("es", 1), "uno", 0)
    assert await tells(outbox, ("fr", 1), "uno", 0)
    await outbox.put("uno.", final_of=("es", 1))
    await outbox.clear()
    assert await tells(outbox, ("es", 1), "uno", 0)
    assert not await tells(outbox, ("fr", 1), "uno", 0)
