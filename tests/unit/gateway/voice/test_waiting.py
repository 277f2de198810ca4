"""What a voice has yet to say: in order, bounded, and what makes room is given back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import get_current

from services.gateway.account.account import Ticket
from services.gateway.voice.speech import Clause, SegmentDone, VoiceItem, Waiting

ROOM = 4


def clause(text: str) -> Clause:
    return Clause(text, 1, Ticket("TTS", "es", 0), get_current())


async def rest(waiting: Waiting) -> list[VoiceItem]:
    await waiting.close()
    return [spoken async for spoken in waiting]


async def test_the_oldest_clause_makes_room() -> None:
    waiting = Waiting(ROOM)
    clauses = [clause(text) for text in "abcde"]
    gone = [await waiting.squeeze(each) for each in clauses]
    assert gone == [[], [], [], [], [clauses[0]]]
    assert await rest(waiting) == clauses[1:]


async def test_what_then_follows_no_clause_goes_with_it() -> None:
    waiting = Waiting(ROOM)
    first, second, third = clause("a"), clause("b"), clause("c")
    for spoken in (first, SegmentDone(1), second, SegmentDone(2)):
        await waiting.squeeze(spoken)
    assert await waiting.squeeze(third) == [first, SegmentDone(1)]
    assert await rest(waiting) == [second, SegmentDone(2), third]


@given(st.lists(st.booleans(), max_size=40))
async def test_nothing_is_lost_doubled_or_turned_round(kinds: list[bool]) -> None:
    waiting = Waiting(ROOM)
    items: list[VoiceItem] = [clause(str(at)) if kind else SegmentDone(at) for at, kind in enumerate(kinds)]
    gone = []
    for item in items:
        gone += await waiting.squeeze(item)
        assert len(waiting) <= ROOM
    assert gone + await rest(waiting) == items


async def test_dropping_clauses_leaves_what_follows_them() -> None:
    waiting = Waiting(ROOM)
    first = clause("a")
    for spoken in (first, SegmentDone(1), clause("b")):
        await waiting.put(spoken)
    assert [each.text for each in await waiting.drop_clauses()] == ["a", "b"]
    assert await rest(waiting) == [SegmentDone(1)]
