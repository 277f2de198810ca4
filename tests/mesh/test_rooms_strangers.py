"""Strangers in rooms: they name speakers, open rooms without end, join and leave, and show parts of tokens."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import websockets

from bench.measuring.issuer import settings, token
from tests.mesh.edge import connect, edge_port
from tests.mesh.rooms import ROOM, guest, speaker
from tests.mesh.test_edge_tokens import key_file, secret


async def refusal(port: int, path: str = ROOM, bearer: str = "", **join: Any) -> tuple[str, str]:
    """The code and field that a join is refused with; empty where it is not."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with connect(port, path, additional_headers=headers) as socket:
        with suppress(websockets.ConnectionClosed):  # a name that cannot be is refused before the join
            await socket.send(json.dumps({"type": "join", **join}))
        told = json.loads(await socket.recv())
        while told["type"] not in ("error", "caught_up"):
            told = json.loads(await socket.recv())
        return told.get("reason", told.get("code", "")), told.get("field", "")


async def test_who_names_a_speaker_without_its_handle_gets_nothing_of_it_and_takes_nothing_from_it() -> None:
    async with edge_port() as port, speaker(port, name="Ann") as ann:
        me = ann.of("ready")[0]["speaker"]
        stranger: list[str] = []
        async with connect(port, ROOM) as socket:
            join = {"type": "join", "captions": False, "source_langs": ["en"], "speaker": me, "resume_handle": "none"}
            await socket.send(json.dumps(join))
            await ann.say("one")
            try:
                while True:
                    stranger.append(json.loads(await socket.recv())["type"])
            except websockets.ConnectionClosed:
                assert socket.close_code == 4000
        await ann.say("two")
        await ann.until("ack", texts=2)
        assert not {"ack", "ready", "segment"} & set(stranger)
        assert (await refusal(port, source_langs=["en"], speaker="x" * 9, resume_handle="n"))[1] == "join.speaker"


async def test_rooms_that_one_client_opened_and_left_keep_nobody_out() -> None:
    async with edge_port({"rooms_most": 3}) as port, guest(port, "/v1/rooms/mine"):
        for number in range(5):
            async with guest(port, f"/v1/rooms/{number}"):
                pass
        async with guest(port, "/v1/rooms/mine") as late, guest(port, "/v1/rooms/5"), guest(port, "/v1/rooms/6"):
            assert late.of("joined")
            assert await refusal(port, "/v1/rooms/7") == ("TOO_MANY_ROOMS", "")


async def test_the_id_of_a_ping_is_short() -> None:
    async with edge_port() as port, guest(port) as listener:
        await listener.send("ping", id="x" * 100_000)
        assert (await listener.until("error"))["field"] == "ping.id"
        await listener.send("ping", id="mine")
        await listener.until("pong", id="mine")


async def test_a_room_has_one_name_however_its_letters_are_written() -> None:
    async with edge_port() as port:
        for name in ("caf\u00e9", "cafe\u0301"):
            async with guest(port, f"/v1/rooms/{quote(name)}") as one:
                assert one.of("joined")[0]["room"] == "caf\u00e9"
        async with guest(port, f"/v1/rooms/{quote('हिन्दी')}"):
            pass
        for name in ("*", ">", "a.>", "a\n", "\u202eabc", " a", ".", "x" * 65, "\x00", "\u0301a"):
            assert await refusal(port, f"/v1/rooms/{quote(name)}") == ("BAD_ROOM", "room")


async def test_a_token_joins_what_it_names_and_so_does_every_part_of_it(tmp_path: Path) -> None:
    bound = token("EdDSA", room="hall", role="listener", scope="stream translate")
    async with edge_port({"token_signing_key": key_file(tmp_path)}, **settings(tmp_path)) as port:
        _, minted = await secret(port, bound)
        for each in (bound, minted["value"]):
            assert await refusal(port, bearer=each) == ("", "")
            assert await refusal(port, bearer=each, role="moderator") == ("ROLE_MISSING", "role")
            assert await refusal(port, "/v1/rooms/other", each) == ("ROOM_NOT_GRANTED", "room")
        for scope in ("describe", "translate"):
            told = await refusal(port, bearer=token("EdDSA", scope=scope))
            assert told == ("SCOPE_MISSING", "authorization")
        other = token("EdDSA", tenant="globex")
        async with guest(port, token=token("EdDSA")), speaker(port, token=other) as theirs:
            await theirs.say("ours alone")
            await theirs.until("ack", texts=1)
            async with guest(port, token=token("EdDSA")) as late:
                assert late.of("room")[0]["speakers"] == []


async def test_who_may_bring_no_terms_speaks_in_a_room_that_has_some(tmp_path: Path) -> None:
    plain = token("EdDSA", scope="stream")
    async with edge_port(**settings(tmp_path)) as port, guest(port, role="moderator", token=plain) as chair:
        await chair.send("set_terms", terms=[{"en": "voicemail", "es": "buzón"}])
        await chair.until("room", terms=1)
        async with speaker(port, token=plain) as ann:
            told = await ann.until("error")
            assert (told["code"], told["field"]) == ("SCOPE_MISSING", "set_terms.terms")
            await ann.say("good morning")
            await ann.until("ack", texts=1)


async def test_a_packet_longer_than_opus_has_any_is_refused_by_its_field() -> None:
    opus = {"format": "opus", "sample_rate": 48_000}
    async with edge_port() as port, speaker(port, input=opus) as ann:
        await ann.socket.send(bytes(100_000))
        told = await ann.until("error")
        assert (told["code"], told["field"], told["fatal"]) == ("PACKET_TOO_LONG", "input_audio.data", False)


async def test_audio_that_cannot_be_decoded_ends_its_speaker_by_name() -> None:
    opus = {"format": "opus", "sample_rate": 48_000}
    async with edge_port() as port, speaker(port, input=opus) as ann:
        with suppress(websockets.ConnectionClosed):
            for _ in range(200):
                await ann.socket.send(b"\xff" * 6000)
                await asyncio.sleep(0.005)
        assert await ann.closed() == 4000
        told = ann.of("error")[-1]
        assert (told["code"], told["field"]) == ("UNDECODABLE_AUDIO", "input_audio.data")


async def test_a_frame_that_is_none_ends_its_sender_and_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async with edge_port() as port, guest(port, lang="es") as reader, speaker(port, name="Ann") as ann:
        async with guest(port, lang="es", name="odd") as odd:
            odd.socket.transport.write(b"\x83\x80\0\0\0\0")  # an opcode that is reserved (RFC 6455, 5.2)
            for number in range(20):  # sent to somebody whose connection uvicorn has closed
                await ann.say(f"line {number}")
            assert await odd.closed() == 1002
        assert len(await reader.has(20, "es")) == 20
        assert not [each for each in caplog.records if each.levelname == "ERROR"]
