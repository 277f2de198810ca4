"""What the cache answers itself, and what it asks again."""

from __future__ import annotations

import asyncio

import pytest

from services.common.errors import StageFailed
from services.common.text.terminology import Term
from services.mt.cache import Cache
from services.mt.engine import Pair, Source, Translation

EN_ES = Pair("en", "es")
HELLO = Source("hello there", EN_ES)


class Translator:
    """Counts what it is asked; answers once it may."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.calls = asyncio.Semaphore(0)  # one for each time it was asked
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failures = 0

    async def translate(self, source: Source) -> Translation:
        self.asked.append(source.text)
        self.calls.release()
        await self.may_answer.wait()
        if self.failures:
            self.failures -= 1
            raise StageFailed("MT_ENGINE_FAILED", "It broke.", stage="MT")
        return Translation(f"<{source.text}>")


@pytest.mark.parametrize("again", [HELLO, Source("hello  there ", EN_ES), Source("hello there", EN_ES, final=False)])
async def test_the_same_text_is_translated_once(again: Source) -> None:
    cache, translator = Cache(8), Translator()
    first = await cache.answer(HELLO, translator.translate)
    second = await cache.answer(again, translator.translate)
    assert first == (Translation("<hello there>"), False)
    assert second == (Translation("<hello there>"), True)
    assert len(translator.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        Source("Hello there", EN_ES),
        Source("hello there", Pair("en", "ca")),
        Source("hello there", EN_ES, target_prefix="Buenas"),
        Source("hello there", EN_ES, terms=(Term("hello", "buenas"),)),
        Source("hello there", EN_ES, affinity=7),
    ],
)
async def test_another_question_is_asked(other: Source) -> None:
    cache, translator = Cache(8), Translator()
    await cache.answer(HELLO, translator.translate)
    assert (await cache.answer(other, translator.translate))[1] is False
    assert len(translator.asked) == 2


async def test_what_was_not_used_for_longest_is_forgotten() -> None:
    cache, translator = Cache(2), Translator()
    for text in ("one", "two", "one", "three", "one", "two"):
        await cache.answer(Source(text, EN_ES), translator.translate)
    assert translator.asked == ["one", "two", "three", "two"]


async def test_nothing_is_kept_without_room() -> None:
    cache, translator = Cache(0), Translator()
    for _ in range(2):
        assert (await cache.answer(HELLO, translator.translate))[1] is False
    assert len(translator.asked) == 2


async def test_a_failure_is_not_kept() -> None:
    cache, translator = Cache(8), Translator()
    translator.failures = 1
    with pytest.raises(StageFailed):
        await cache.answer(HELLO, translator.translate)
    assert await cache.answer(HELLO, translator.translate) == (Translation("<hello there>"), False)


async def test_one_question_asked_by_many_at_once_is_translated_once() -> None:
    cache, translator = Cache(8), Translator()
    translator.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(cache.answer(HELLO, translator.translate)) for _ in range(5)]
        await translator.calls.acquire()
        translator.may_answer.set()
    assert {call.result()[0] for call in calls} == {Translation("<hello there>")}
    assert len(translator.asked) == 1


async def test_who_gives_up_leaves_the_question_to_the_next() -> None:
    cache, translator = Cache(8), Translator()
    translator.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(cache.answer(HELLO, translator.translate))
        await translator.calls.acquire()
        second = tasks.create_task(cache.answer(HELLO, translator.translate))
        await asyncio.sleep(0)
        first.cancel()
        translator.may_answer.set()
    assert (await second)[0] == Translation("<hello there>")


async def test_a_final_does_not_wait_for_an_interim_of_the_same_text() -> None:
    cache, translator = Cache(8), Translator()
    translator.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(cache.answer(Source("hi", EN_ES, final=False), translator.translate))
        tasks.create_task(cache.answer(Source("hi", EN_ES), translator.translate))
        await translator.calls.acquire()
        await translator.calls.acquire()
        translator.may_answer.set()


async def test_what_may_not_be_stored_is_asked_again() -> None:
    cache, translator = Cache(8), Translator()
    private = Source("hello there", EN_ES, unstored=True)
    await cache.answer(private, translator.translate)
    await cache.answer(private, translator.translate)
    assert await cache.answer(HELLO, translator.translate) == (Translation("<hello there>"), False)
    assert len(translator.asked) == 3
