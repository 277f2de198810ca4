"""What was used last is kept, for a while: then it is dropped, whether somebody asks or not."""

from __future__ import annotations

import asyncio
import gc
import math

import pytest

from services.common.text.terminology import Term
from services.mt.cache import Cache
from services.mt.engine import Pair, Source, Translation
from services.mt.forgetting import Forgetting
from services.mt.recent import Recent


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_not_used_for_so_long_is_found_no_more() -> None:
    clock = Clock()
    recent: Recent[str, int] = Recent(8, 10.0, clock)
    recent.put("old", 1)
    clock.now += 6
    recent.put("new", 2)
    assert recent.get("old") == 1  # and is used again
    clock.now += 6
    assert recent.forget() == pytest.approx(4.0)
    clock.now += 4
    assert (recent.get("new"), recent.get("old")) == (None, None)
    assert recent.forget() == math.inf


def test_of_too_many_the_one_used_longest_ago_is_dropped() -> None:
    recent: Recent[str, int] = Recent(2)
    for number, key in enumerate("abc"):
        recent.put(key, number)
        recent.get("a")
    assert [recent.get(key) for key in "abc"] == [0, None, 2]


async def test_what_was_translated_is_gone_after_a_while_though_nobody_asks() -> None:
    said = "".join(("kooka", "burra"))
    cache = Cache(8, seconds=0.1)
    forgetting = Forgetting((cache.forget,))

    async def translate(source: Source) -> Translation:
        return Translation(f"<{source.text}>")

    await cache.answer(Source(f"a {said} here", Pair("en", "es"), terms=(Term("here", "aquí"),)), translate)
    forgetting.used()
    assert kept(said)
    await asyncio.sleep(0.4)
    assert not kept(said)
    forgetting.stop()


def kept(word: str) -> bool:
    """Whether a translation with a word in it is held by anything."""
    gc.collect()
    return any(word in each.text for each in gc.get_objects() if isinstance(each, Translation))
