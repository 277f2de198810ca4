"""The client against a gateway that loses it: its reader sees what the reader of an undisturbed session sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest

import babelmesh
from babelmesh.client.events import Event
from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.fake_gateway import Plan, gateway
from tests.unit.babelmesh.test_resuming import audio, messages, seen, undisturbed

pytestmark = pytest.mark.clock

TALK = [audio(1600, index) for index in range(23)]
LOST = Plan(after=12)


async def _talk(count: int = len(TALK)) -> AsyncIterator[bytes]:
    for message in TALK[:count]:
        yield message.audio.data


async def _events(address: str, notices: list[str] | None = None, **options: Any) -> list[Event]:
    notice = (notices if notices is not None else []).append
    async with (
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"], notice=notice, **options) as session,
    ):
        return [event async for event in session.translate(_talk())]


def _refused(code: str, retry_after_ms: int | None = None) -> Plan:
    return Plan(refusal=pb.Error(code=code, message="No.", retry_after_ms=retry_after_ms, fatal=True))


@pytest.mark.parametrize(
    "plans",
    [
        [],
        [LOST],
        [LOST, LOST, LOST],
        [Plan(after=1)],
        [Plan(12, grpc.StatusCode.INTERNAL)],
        [Plan(12, grpc.StatusCode.CANCELLED)],
        [LOST, Plan(after=1), LOST],
        [LOST, _refused("AT_CAPACITY", 20), _refused("NOT_READY", 20), _refused("DRAINING", 20)],
        [Plan(after=12, go_away_ms=60_000)],
        [Plan(after=30, go_away_ms=10)],
    ],
)
async def test_a_reader_cannot_tell_that_the_connection_was_lost(plans: Sequence[Plan]) -> None:
    async with gateway(*plans) as (address, fake):
        events = await _events(address)
    assert seen(events) == undisturbed(TALK)
    assert not fake.plans, "every plan was carried out"


async def test_every_place_to_lose_the_connection_is_as_good() -> None:
    whole = undisturbed(TALK)
    for after in range(2, 120, 7):
        async with gateway(Plan(after=after)) as (address, _):
            assert seen(await _events(address)) == whole, after


async def test_a_server_that_falls_silent_is_left() -> None:
    async with gateway(Plan(12, status=None)) as (address, fake):
        events = await _events(address)
    assert seen(events) == undisturbed(TALK)
    assert len(fake.hellos) == 2


async def test_a_speaker_who_says_nothing_for_long_keeps_the_call() -> None:
    async def talk() -> AsyncIterator[bytes]:
        yield TALK[0].audio.data
        await asyncio.sleep(2)  # longer than the heartbeats a client misses before it leaves
        for message in TALK[1:]:
            yield message.audio.data

    async with (
        gateway() as (address, fake),
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"]) as session,
    ):
        events = [event async for event in session.translate(talk())]
    assert seen(events) == undisturbed(TALK)
    assert len(fake.hellos) == 1
    assert not any(isinstance(event, babelmesh.Flow) for event in events), "nobody asked for heartbeats"


async def test_the_next_gateway_takes_over() -> None:
    async with gateway(LOST) as (one, first), gateway() as (other, second):
        events = await _events(f"{one}, {other}")
    assert seen(events) == undisturbed(TALK)
    assert (len(first.hellos), len(second.hellos)) == (1, 1)
    assert second.hellos[0].received.session_id == "fake"


async def test_a_gateway_that_is_not_there_is_passed_over() -> None:
    async with gateway() as (address, _), babelmesh.connect(f"127.0.0.1:1,{address}") as mesh:
        assert list((await mesh.describe()).source_langs) == ["en-US"]
        events = await _events(f"127.0.0.1:1,{address}")
    assert seen(events) == undisturbed(TALK)


async def test_a_person_is_told_once_per_loss() -> None:
    notices: list[str] = []
    async with gateway(LOST, LOST) as (address, _):
        await _events(address, notices)
    assert notices == ["Connection lost, resuming …", "Resumed."] * 2


async def test_a_session_that_is_not_to_reconnect_is_told_as_lost() -> None:
    async with gateway(LOST) as (address, fake):
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await _events(address, reconnect=False)
    assert failed.value.code in ("CONNECTION_LOST", "INTERNAL")  # gRPC masks a status that crosses a write (#36066)
    assert len(fake.hellos) == 1
    assert not fake.hellos[0].heartbeat_ms


@pytest.mark.parametrize("code", ["RESUME_EXPIRED", "RESUME_OTHER_CONFIG"])
async def test_a_refused_handle_is_told_by_its_code(code: str) -> None:
    async with gateway(LOST, _refused(code)) as (address, _):
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await _events(address)
    assert failed.value.code == code


async def test_what_came_before_the_end_is_enough_when_the_status_is_lost() -> None:
    async with gateway() as (address, _):
        count = len(await _raw(address))
    async with gateway(Plan(after=count)) as (address, fake):
        events = await _events(address)
    assert isinstance(events[-1], babelmesh.End)
    assert len(fake.hellos) == 1


async def test_all_may_be_sent_before_anything_is_read() -> None:
    async with (
        gateway(Plan(after=3)) as (address, fake),
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"]) as session,
    ):
        for message in TALK[:7]:  # more than fits into the connection would have to wait for the reader
            await session.send_audio(message.audio.data)
        await session.end()
        events = [event async for event in session]
    assert seen(events) == undisturbed(TALK[:7])
    assert len(fake.hellos) == 2


async def test_a_writer_that_is_held_when_the_connection_dies_goes_on() -> None:
    gone = asyncio.Event()

    async def talk() -> AsyncIterator[bytes]:
        for number in range(120):
            yield audio(1600, number).audio.data
            if number == 3:  # a few more fit into the connection, then writing waits
                asyncio.get_running_loop().call_later(0.3, gone.set)

    async with (
        gateway(Plan(after=4, holds=gone)) as (address, fake),
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"]) as session,
    ):
        events = [event async for event in session.translate(talk())]
    assert seen(events) == undisturbed([audio(1600, number) for number in range(120)])
    assert len(fake.hellos) == 2


async def test_a_read_that_was_given_up_costs_nothing_but_a_call() -> None:
    async with (
        gateway() as (address, fake),
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"]) as session,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(session)
        events = [event async for event in session.translate(_talk())]
    assert seen(events) == undisturbed(TALK)
    assert len(fake.hellos) == 2


async def test_commands_and_typed_text_go_through_whole() -> None:
    said = ["type uno", "ping a", "audio 700", "paused", "audio 900", "commit", "targets ca", "type dos", "ping b"]
    async with (
        gateway(Plan(after=7), Plan(after=9), Plan(after=11)) as (address, _),
        babelmesh.connect(address) as mesh,
        mesh.session("en", ["es", "ca"]) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_say_all(session, [each for spec in said for each in messages(spec)]))
        events = [event async for event in session]
    whole = undisturbed([each for spec in said for each in messages(spec)])
    made = seen(events)
    assert {key: made.get(key) for key in ("asr", "ca", ("Marker", ""))} == {
        key: whole.get(key) for key in ("asr", "ca", ("Marker", ""))
    }


async def _say_all(session: babelmesh.Session, said: Sequence[pb.ClientMessage]) -> None:
    for message in said:
        await _say(session, message)
    await session.end()


async def _say(session: babelmesh.Session, message: pb.ClientMessage) -> None:
    match message.WhichOneof("payload"):
        case "audio":
            await session.send_audio(message.audio.data)
        case "text":
            await session.send_text(message.text.text, message.text.final)
        case _ if message.control.action == "ping":
            await session.ping(message.control.marker)
        case _ if message.control.action == "set_target_lang":
            await session.set_targets(list(message.control.targets))
        case _ if message.control.action == "resume":
            await session.unpause()
        case _:
            await getattr(session, message.control.action)()


async def _raw(address: str) -> list[pb.ServerMessage]:
    """All that the fake gateway sends for the talk, `ready` included, heartbeats not."""
    sent: list[pb.ServerMessage] = [pb.ServerMessage(ready=pb.Ready())]
    for event in await _events(address):
        sent.append(pb.ServerMessage())
        del event
    return sent
