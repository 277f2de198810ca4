"""No object of a mesh holds what was masked once its session has ended; after a while, nothing that was said.

What was freed is not looked at: nobody can overwrite a text in Python.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from bench.capacity.remains import talk as type_through
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.edge import edge_port
from tests.mesh.mesh import gateway, hello, talk, text

DRAWERROF = "abrubakook"  # read from behind, so that nothing here holds what is looked for
NUMBER = "952718436"
MASKED = {"mask_pii": True}
UNSTORED = {"mask_pii": True, "masking": pb.Masking(scope=pb.MASK_SCOPE_STORED)}


def holders(word: str) -> list[str]:
    """The types of what holds a text in which a word stands, given from behind."""
    gc.collect()
    found = list[str]()
    for each in gc.get_objects():
        for held in gc.get_referents(each):
            if isinstance(held, str | bytes | bytearray):
                said = held if isinstance(held, str) else held.decode("latin-1")
                if word in said[::-1]:
                    found.append(type(each).__name__)
    return found


async def say(stub: pb_grpc.RealtimeTranslateAsyncStub, config: dict[str, Any]) -> int:
    """Talk with accents, of which composed texts are made; how many messages came."""
    said = f"café con {DRAWERROF[::-1]}@example.org, o al +34 {NUMBER[::-1]}"
    heard = await talk(stub, hello("es", "fr", **config), text(said, final=True), text(f"{said} {said}", final=True))
    return len(heard.messages)


@pytest.mark.parametrize("config", [MASKED, UNSTORED], ids=["masked", "unstored"])
async def test_nothing_holds_what_was_hidden_once_its_session_has_ended(config: dict[str, Any]) -> None:
    async with gateway() as stub:
        assert await say(stub, config) > 4
        await talk(stub, hello("es"), text("something else", final=True))
        assert not holders(DRAWERROF)
        assert not holders(NUMBER)


async def test_an_edge_holds_nothing_that_was_typed_through_it() -> None:
    async with edge_port() as port:
        await type_through(port, [f"write to {DRAWERROF[::-1]}@example.org"] * 2)
        await type_through(port, ["something else"])
        assert not holders(DRAWERROF)


async def test_translations_are_found_as_long_as_another_session_may_have_them() -> None:
    async with gateway() as stub:
        assert await say(stub, {}) > 4
        assert {"Question", "Translation"} == set(holders(DRAWERROF))


async def test_nothing_holds_what_was_said_after_the_caches_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT_CACHE_SECONDS", "0.2")
    async with gateway() as stub:
        assert await say(stub, {}) > 4
        await asyncio.sleep(1.0)
        assert not holders(DRAWERROF)
