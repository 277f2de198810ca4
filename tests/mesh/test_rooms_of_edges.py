"""Rooms over two edges and a NATS server: who speaks at one is read at the other, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.measuring.nats_server import NatsServer
from tests.mesh.edge import edge
from tests.mesh.mesh import gateway_address
from tests.mesh.nats_server import nats_server, needs_nats
from tests.mesh.rooms import ROOM, guest, speaker
from tests.mesh.test_edge_rest import call

pytestmark = [needs_nats, pytest.mark.clock]  # what members want reaches a gateway twice a second


@asynccontextmanager
async def two_edges() -> AsyncIterator[tuple[int, int, NatsServer]]:
    async with (
        nats_server() as nats,
        gateway_address() as address,
        edge(address, rooms_nats=nats.url) as one,
        edge(address, rooms_nats=nats.url) as other,
    ):
        yield one.port, other.port, nats


async def test_who_speaks_at_one_edge_is_read_and_heard_at_the_other() -> None:
    async with (
        two_edges() as (one, other, _),
        guest(other, lang="es", voice=True) as listener,
        speaker(one, name="Ann") as ann,
    ):
        await listener.until("room", langs={"es": {"captions": 1, "voice": 1}, "": {"captions": 0, "voice": 0}})
        await asyncio.sleep(1.2)
        await ann.say("good morning")
        assert await listener.has(1) == ["good-es morning-es"]
        await listener.until("voice")
        await ann.until("ack", texts=1)
        async with guest(other, lang="es") as late:
            assert late.finals() == ["good-es morning-es"]
        assert [each["name"] for each in listener.of("room")[-1]["speakers"]] == ["Ann"]


async def test_an_edge_that_opens_a_room_learns_what_was_said() -> None:
    async with (
        two_edges() as (one, other, _),
        guest(one, lang="es") as here,
        speaker(one) as ann,
    ):
        await asyncio.sleep(1.2)
        await ann.say("one")
        await ann.say("two")
        await here.has(2)
        async with guest(other, lang="es") as late:
            assert await late.has(2) == ["one-es", "two-es"]


async def test_an_edge_that_is_lost_takes_no_transcript_with_it() -> None:
    """All members are at one edge: the other one keeps the room as well, and has the transcript when that is lost."""
    async with nats_server() as nats, gateway_address() as address, edge(address, rooms_nats=nats.url) as other:
        async with (
            edge(address, rooms_nats=nats.url) as one,
            guest(one.port, lang="es") as here,
            speaker(one.port, name="Ann") as ann,
        ):
            await ann.say("one")
            await ann.say("two")
            await here.has(2)
            await ann.until("ack", texts=2)
            await asyncio.sleep(3)  # in which a witness is found
        for lang, said in (("es", ["one-es", "two-es"]), ("spoken", ["one", "two"])):
            _, told = await call(other.port, f"{ROOM}/transcript?lang={lang}")
            assert [each["text"] for each in told["segments"]] == said
        async with guest(other.port, lang="es") as late:
            assert late.finals() == ["one-es", "two-es"]


async def test_what_is_said_while_nats_is_away_comes_when_it_is_back() -> None:
    async with (
        two_edges() as (one, other, nats),
        guest(other, lang="es") as listener,
        speaker(one) as ann,
    ):
        await asyncio.sleep(1.5)
        await ann.say("before")
        await listener.has(1)
        await ann.until("ack", texts=1)
        await nats.kill()
        await asyncio.sleep(0.2)
        await ann.say("during")
        await ann.until("segment", final=True, text="during")
        await asyncio.sleep(1.0)
        assert not [each for each in ann.of("ack") if each["texts"] == 2]  # nobody else has it yet
        await nats.start()
        assert await listener.has(2) == ["before-es", "during-es"]
        await ann.until("ack", texts=2)
        await ann.say("after")
        assert await listener.has(3) == ["before-es", "during-es", "after-es"]


async def test_a_speaker_goes_on_at_another_edge() -> None:
    async with two_edges() as (one, other, _), guest(other, lang="es") as listener:
        async with speaker(one, name="Ann") as ann:
            await asyncio.sleep(1.5)
            await ann.say("one", number=1)
            await listener.has(1)
            handle = (await ann.until("ack", texts=1))["resume_handle"]
            me = ann.of("ready")[0]["speaker"]
        async with speaker(other, name="Ann", speaker=me, resume_handle=handle) as again:
            assert again.of("ready")[0]["texts"] == 1
            await again.say("one", number=1)
            await again.say("two", number=2)
            assert await listener.has(2) == ["one-es", "two-es"]
            assert {each["speaker"] for each in listener.of("segment")} == {me}
            await listener.comes_to("room", lambda room: [each["state"] for each in room["speakers"]] == ["present"])
