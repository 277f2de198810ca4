"""A client may leave at any moment: whichever step it cancels, nothing of its session is left."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.tls.calling import Dial
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.values.speech import Pace
from services.gateway.values.stages import Line
from services.gateway.values.terms import Holding, Sound, TargetTerms, Terms
from tests.unit.gateway.played_stages import PlayedCall, PlayedChannel

MOST_STEPS = 2_000  # more than a session here has
TRYING_STEPS = 200  # so far into a session whose voice is refused, and tries again after a while
FEWEST_STEPS = 2  # fewer would mean that nothing was cancelled
SETTINGS = GatewaySettings(slots=8, watch_timeout_ms=60_000)  # the stages tell their state once
ES = TargetTerms("es", "en", captions=True, speech=True, voice="v", voice_lang="es")
SPOKEN = pb.AudioFormat(format="pcm16le", sample_rate=16_000)
TERMS = Terms("s", "en-US", (), True, 0, Holding("agreement", 0, 0), Sound("pcm16le", 24_000), 500, 0, 2000)
HELLO = pb.SessionConfig(source_lang="en", partial_results=True, targets=[pb.Target(lang="es")], input=SPOKEN)
SESSION = (
    pb.ClientMessage(hello=HELLO),
    pb.ClientMessage(text=pb.TextChunk(text="one two. three four.", final=True)),
    pb.ClientMessage(audio=pb.AudioChunk(data=bytes(3200), sample_rate=16_000)),
    pb.ClientMessage(control=pb.Control(action="ping", marker="m")),
)


@dataclass
class Cancelling:
    """Awaits work and cancels the task that does at one of its steps: as it waits there, or as the wait ends.

    The latter is the one that loses results: what was waited for is there, and the cancellation comes first.
    """

    work: Coroutine[Any, Any, Any]
    at: int
    as_it_ends: bool
    reached: bool = False

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        steps = self.work.__await__()
        advance = partial(steps.send, None)
        for step in range(MOST_STEPS):
            try:
                waits_for = advance()
            except StopIteration as end:
                return end.value
            if step == self.at:
                self._cancel(task, waits_for)
            try:
                yield waits_for
                advance = partial(steps.send, None)
            except BaseException as error:  # it goes on in there, where it may wait once more
                advance = partial(steps.throw, error)
        raise AssertionError("it never ends")

    def _cancel(self, task: asyncio.Task[Any], waits_for: asyncio.Future[Any] | None) -> None:
        self.reached = True
        if self.as_it_ends and waits_for is not None:
            waits_for.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()


@dataclass
class Client:
    """The server's side of a call whose client sends a session and half-closes."""

    messages: deque[pb.ClientMessage] = field(default_factory=lambda: deque(SESSION))
    received: list[pb.ServerMessage] = field(default_factory=list)

    async def read(self) -> Any:
        await asyncio.sleep(0)
        return self.messages.popleft() if self.messages else grpc.aio.EOF

    async def write(self, message: pb.ServerMessage) -> None:
        await asyncio.sleep(0)
        self.received.append(message)

    async def send_initial_metadata(self, metadata: object) -> None:
        await asyncio.sleep(0)

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[PlayedCall]:
    """Every call that is opened to a stage. A parameter says whether synthesizers refuse them."""
    opened: list[PlayedCall] = []
    monkeypatch.setattr(Dial, "channel", lambda *_: PlayedChannel(opened, getattr(request, "param", False)))
    return opened


@asynccontextmanager
async def gateway() -> AsyncIterator[GatewayServicer]:
    servicer = GatewayServicer(SETTINGS)
    await servicer.start()
    try:
        yield servicer
    finally:
        await servicer.stop()


async def cancelled_at_every_await(work: Any, calls: list[PlayedCall], as_it_ends: bool) -> None:
    """Runs the work once for each of its awaits, and looks for what is left."""
    for at in range(MOST_STEPS):
        cancelling = Cancelling(work(), at, as_it_ends)
        await asyncio.wait([_task(cancelling)])
        left = [call.method for call in calls if not call.closed]
        assert not left, f"cancelled at await {at}"
        calls.clear()
        if not cancelling.reached:
            break
    assert at >= FEWEST_STEPS


def _task(awaited: Any) -> asyncio.Task[Any]:
    async def run() -> Any:
        return await awaited

    return asyncio.ensure_future(run())


@pytest.mark.parametrize("as_it_ends", [False, True])
async def test_a_recognizer_is_left_whichever_await_of_its_opening_is_cancelled(
    calls: list[PlayedCall], as_it_ends: bool
) -> None:
    stages = Stages(SETTINGS)

    async def opening() -> None:
        recognizing = await stages.recognize(TERMS, 1, resumed=False)
        recognizing.call.cancel()  # whoever gets it owns it

    async with stages.running():
        await cancelled_at_every_await(opening, calls, as_it_ends)


@pytest.mark.parametrize("as_it_ends", [False, True])
async def test_a_synthesizer_is_left_whichever_await_of_a_clause_is_cancelled(
    calls: list[PlayedCall], as_it_ends: bool
) -> None:
    stages = Stages(SETTINGS)

    async def speaking() -> None:
        async with aclosing(stages.synthesize(Line("uno dos.", ES, Pace(1.0)))) as pieces:
            async for _ in pieces:
                await asyncio.sleep(0)

    async with stages.running():
        await cancelled_at_every_await(speaking, calls, as_it_ends)


async def left_at(step: int, servicer: GatewayServicer, calls: list[PlayedCall]) -> tuple[Client, bool]:
    """A session whose client leaves at a step of the loop, and whether it was over by then."""
    standing = asyncio.all_tasks()
    client = Client()
    session = _task(servicer.Stream(object(), client))  # type: ignore[arg-type]  # as much as it needs of it
    for _ in range(step):
        await asyncio.sleep(0)
    over = session.done()
    session.cancel()
    await asyncio.wait([session])
    assert not [call.method for call in calls if not call.closed], f"left at step {step}"
    assert not servicer.replica.slots.used
    assert not asyncio.all_tasks() - standing
    calls.clear()
    return client, over


@pytest.mark.parametrize("calls", [True], indirect=True)
async def test_a_session_that_tries_again_for_a_voice_ends_whichever_step_its_client_leaves_at(
    calls: list[PlayedCall],
) -> None:
    async with gateway() as servicer:
        for step in range(1, TRYING_STEPS):
            await left_at(step, servicer, calls)


async def test_a_session_leaves_nothing_whichever_step_of_the_loop_its_client_leaves_at(
    calls: list[PlayedCall],
) -> None:
    over, step = False, 0
    async with gateway() as servicer:
        while not over and step < MOST_STEPS:
            step += 1
            client, over = await left_at(step, servicer, calls)
    assert over
    assert [each for each in client.received if each.WhichOneof("payload") == "tts"]
    assert client.received[-1].WhichOneof("payload") == "end"
