"""That the fuzzer notices what it looks for, and cuts a failing sequence down to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.fuzz.mesh import Held, Mesh
from tests.fuzz.playing import Player
from tests.fuzz.sequences import Call, CallSequence, Ending, Send
from tests.fuzz.shrinking import narrowed, shrunk

BAD = Send(b"bad")
GOOD = Send(b"good")


class Misbehaving(grpc.GenericRpcHandler):
    """Serves three methods, two of them badly."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """See GenericRpcHandler."""
        behaviours = {"/x/Breaks": self._breaks, "/x/Hangs": self._hangs, "/x/Answers": self._answers}
        behaviour = behaviours.get(handler_call_details.method)
        return grpc.stream_stream_rpc_method_handler(behaviour) if behaviour else None

    async def _breaks(self, requests: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.INTERNAL, "a secret of ours")

    async def _hangs(self, requests: Any, context: Any) -> None:
        await asyncio.Event().wait()

    async def _answers(self, requests: Any, context: Any) -> None:
        await context.write(b"")


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Misbehaving(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    player = Player(Mesh({"gateway": f"127.0.0.1:{port}"}, {}, Path()), end_seconds=0.3)
    yield player
    await player.close()
    await server.stop(None)


@pytest.mark.parametrize(
    ("method", "titles"),
    [
        ("/x/Breaks", ["INTERNAL a secret of ours at gateway/x/Breaks"]),
        ("/x/Hangs", ["no end after half-close at gateway/x/Hangs"]),
        ("/x/Answers", []),
    ],
)
async def test_a_call_that_breaks_or_does_not_end_is_a_fault(player: Player, method: str, titles: list[str]) -> None:
    faults = await player.play(CallSequence(7, [Call("gateway", method, [GOOD])]))
    assert [fault.title for fault in faults] == titles
    assert all(fault.again == "--only 7" for fault in faults)


def test_what_is_held_beyond_what_was_held_before_is_told_by_name() -> None:
    before = Held(1, 20, {"canary": 2})
    assert Held(1, 20, {"canary": 2}).over(before) == []
    assert Held(3, 21, {"canary": 2, "session": 1}).over(before) == ["2 slots", "1 files", "1 tasks of session"]


async def test_a_batch_is_narrowed_to_the_one_that_fails() -> None:
    steps = [BAD if number == 5 else GOOD for number in range(9)]
    batch = [CallSequence(number, [Call("gateway", "/x/Answers", [step])]) for number, step in enumerate(steps)]
    assert [each.number for each in await narrowed(batch, _fails)] == [5]


async def test_a_sequence_is_cut_down_to_the_steps_that_it_takes() -> None:
    call = Call("gateway", "/x/Answers", [GOOD] * 9 + [BAD] + [GOOD] * 4, Ending.RESET, (("key", "value"),), 30)
    whole = CallSequence(1, [call, replace(call, steps=[GOOD])], together=True)
    (left,) = (await shrunk(whole, _fails)).calls
    assert (left.steps, left.metadata, left.deadline_ms) == ([BAD], (), 0)


async def _fails(sequences: Sequence[CallSequence]) -> bool:
    return any(BAD in call.steps for each in sequences for call in each.calls)
