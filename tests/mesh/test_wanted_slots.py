"""How many slots of stages the sessions of a gateway have use for."""

from __future__ import annotations

import asyncio

from services.gateway.lifecycle import wanted_slots
from tests.mesh.mesh import Heard, control, gateway, hello, read_into


def told() -> dict[str, float]:
    return {of["stage"]: value for value, of in wanted_slots()}


async def test_a_session_has_use_for_a_recognizer_and_for_a_synthesizer_of_each_target_until_it_ends() -> None:
    heard = Heard()
    async with gateway() as stub, asyncio.TaskGroup() as tasks:
        assert told() == {"asr": 0, "tts": 0}
        call = stub.Stream()
        reading = tasks.create_task(read_into(heard, call))
        await call.write(hello("es", "fr"))
        await call.write(control("ping", marker="m"))
        await heard.until("marker", 1)
        assert told() == {"asr": 1, "tts": 2}
        await call.done_writing()
        await reading
        assert told() == {"asr": 0, "tts": 0}
