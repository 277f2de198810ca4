"""Something is stuck: its client is held within seconds of audio, and the others do not notice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from services.gateway.voice.clauses import FIRST_WORDS
from tests.mesh.checks import check
from tests.mesh.mesh import RATE, Heard, chunks, gateway, hello, loud, quiet, read_into, talk

pytestmark = pytest.mark.clock

BACKLOG_S = 2.0
STAY_STUCK = {"stuck_seconds": 3600}  # what is stuck would else be noticed, and taken out of service
BEYOND_S = 2.0  # what windows and messages under way may hold beside the backlog
SPEECH = chunks(loud(60))


@dataclass
class Sender:
    """Sends speech as fast as it is taken."""

    call: Any
    seconds: float = 0.0

    async def run(self) -> None:
        for message in SPEECH:
            await self.call.write(message)
            self.seconds += len(message.audio.data) / 2 / RATE

    async def held(self) -> float:
        """Waits until nothing more is taken; the seconds that were."""
        before = -1.0
        while self.seconds > before:
            before = self.seconds
            await asyncio.sleep(1.0)  # far longer than any step of scripted engines takes
        return self.seconds


@pytest.mark.parametrize(
    "stuck",
    [
        {"mt": {"hang_target": "es"}},
        {"tts": {"hang_language": "es"}},
        {"asr": {"hang_after_ms": 500}},
    ],
    ids=["MT", "TTS", "ASR"],
)
async def test_a_stuck_stage_holds_the_client_within_two_seconds_of_the_backlog(stuck: dict[str, Any]) -> None:
    async with gateway(
        max_backlog_ms=int(BACKLOG_S * 1000), stage_timeout_ms=60_000, stages=STAY_STUCK, **stuck
    ) as stub:
        call: Any = stub.Stream()
        heard = Heard()
        await call.write(hello("es"))
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_into(heard, call))
            sender = Sender(call)
            sending = tasks.create_task(sender.run())
            seconds = await sender.held()
            sending.cancel()
            reading.cancel()
    begun = begin_of_standstill(heard, stuck)
    assert seconds - begun <= BACKLOG_S + BEYOND_S
    assert heard.of("flow")[-1].held


def begin_of_standstill(heard: Heard, stuck: dict[str, Any]) -> float:
    """The audio there was, in seconds, when the stuck stage was first asked."""
    if "asr" in stuck:
        return 0.5
    concluded = [result for result in heard.of("asr") if result.stable_length]
    if "mt" in stuck:
        return float(concluded[0].end_ms) / 1000
    enough = FIRST_WORDS
    spoken = next(each for each in heard.of("translation") if len(each.text[: each.stable_length].split()) >= enough)
    return float(spoken.end_ms) / 1000


async def test_a_client_that_reads_nothing_is_held_and_then_closed_with_the_reason() -> None:
    async with gateway(max_backlog_ms=2000, client_stall_ms=1500, slots=2) as stub:
        call: Any = stub.Stream()
        heard = Heard()
        await call.write(hello("es", "fr"))
        async with asyncio.TaskGroup() as tasks:
            sender = Sender(call)
            sending = tasks.create_task(sender.run())
            assert await sender.held() < 12
            other = await talk(stub, hello("es"), *chunks(loud(2) + quiet(1)))
            await asyncio.sleep(1.0)  # it has stalled by now, and its slot is free
            again = await asyncio.gather(*(talk(stub, hello("es"), *chunks(loud(2) + quiet(1))) for _ in range(2)))
            await read_into(heard, call)
            sending.cancel()
    for each in (other, *again):
        check(each)
    assert heard.fault is not None
    assert heard.fault.code == "CLIENT_TOO_SLOW"


async def test_a_stuck_session_does_not_slow_the_others() -> None:
    hangs = {"hang_language": "fr"}
    async with gateway(max_backlog_ms=2000, stage_timeout_ms=60_000, stages=STAY_STUCK, tts=hangs) as stub:
        stuck: Any = stub.Stream()
        heard = Heard()
        await stuck.write(hello("fr"))
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_into(heard, stuck))
            sender = Sender(stuck)
            sending = tasks.create_task(sender.run())
            await sender.held()
            started = time.monotonic()
            other = await talk(stub, hello("es"), *chunks(loud(5) + quiet(1)))
            assert time.monotonic() - started < 5  # it takes a fraction of a second; a shared standstill, for ever
            sending.cancel()
            reading.cancel()
    check(other)
    assert other.speech("es")


async def test_a_slow_voice_holds_the_client_for_a_while_and_loses_nothing() -> None:
    async with gateway(max_backlog_ms=1500, tts={"compute_ms": 15}) as stub:
        heard = await talk(stub, hello("es"), *chunks((loud(3) + quiet(1)) * 4))
    check(heard)
    assert len(heard.finals("es")) == 4
    held = [flow.held for flow in heard.of("flow")]
    assert held[:2] == [True, False]
    assert " ".join(chunk.text for chunk in heard.speech("es") if chunk.text) == " ".join(heard.finals("es"))
