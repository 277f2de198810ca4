"""Rooms at one edge, as their members see them, on scripted engines behind a real gateway."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.mesh.edge import connect, edge_port
from tests.mesh.mesh import RATE, UTTERANCE
from tests.mesh.rooms import ROOM, guest, speaker
from tests.mesh.test_edge_rest import call

pytestmark = pytest.mark.clock  # what members want reaches a gateway twice a second

PCM = {"format": "pcm16le", "sample_rate": RATE}


async def test_everybody_reads_everybody_in_a_language_of_their_own() -> None:
    async with (
        edge_port(mt={"both_ways": True}) as port,
        guest(port, lang="es") as one,
        guest(port, lang="es") as other,
        guest(port, lang="en") as third,
        guest(port, lang="fr") as fourth,
        speaker(port, "en", name="Ann") as ann,
        speaker(port, "es", name="Bob") as bob,
    ):
        await asyncio.sleep(1.2)  # a wish takes half a second to reach the gateway
        await ann.say("good morning")
        await bob.say("buenos dias")
        assert sorted(await one.has(2)) == sorted(await other.has(2)) == ["buenos dias", "good-es morning-es"]
        assert "good morning" in await third.has(2)
        assert await fourth.has(1) == ["good-fr morning-fr"]
        told = await fourth.until("no_captions")
        assert (told["lang"], told["reason"]) == ("fr", "NOT_TRANSLATED")
        assert told["speaker"] == bob.of("ready")[0]["speaker"]
        bundle = next(each for each in one.of("segment") if each["final"] and each["lang"] == "es")
        assert bundle["source"]["text"] == "good morning"
        assert {each["name"] for each in one.of("room")[-1]["speakers"]} == {"Ann", "Bob"}


async def test_speech_is_heard_and_its_voice_ducks_the_original() -> None:
    async with (
        edge_port() as port,
        guest(port, lang="es", voice=True, original=True) as listener,
        speaker(port, input=PCM) as ann,
    ):
        await asyncio.sleep(1.2)
        for at in range(0, len(UTTERANCE), 3201):
            await ann.socket.send(UTTERANCE[at : at + 3201])
        await listener.has(1, "es")
        ready = ann.of("ready")[0]
        await listener.until("gain", original=0.15)
        await listener.until("gain", original=1.0)
        assert len(listener.audio[f"{ready['speaker']}/es"]) > 24_000
        assert listener.audio[ready["speaker"]] == UTTERANCE
        assert listener.of("voice")[0]["synthetic"] is True
        ack = await ann.until("ack")
        assert ack["audio_ms"] > 1000


async def test_who_comes_late_reads_what_was_said_and_who_comes_back_reads_the_rest() -> None:
    async with edge_port() as port, guest(port, lang="es") as first, speaker(port) as ann:
        await asyncio.sleep(1.2)
        await ann.say("one")
        await ann.say("two")
        whole = await first.has(2)
        async with guest(port, lang="es") as late:
            assert late.finals("es") == whole
            await late.send("change", lang="fr")
            assert (await late.until("changed"))["lang"] == "fr"
        received = first.received()
        await first.socket.close()
        await ann.say("three")
        await ann.until("ack", texts=3)
        async with guest(port, lang="es", received=received) as back:
            assert await back.has(1) == ["three-es"]


async def test_a_language_is_translated_while_somebody_listens_and_a_while_longer() -> None:
    async with edge_port({"rooms_hold_seconds": 0.2}) as port, speaker(port) as ann:
        await ann.say("alone")
        await ann.until("segment", final=True)
        async with guest(port, lang="es") as listener:
            await asyncio.sleep(1.2)
            await ann.say("heard")
            assert await listener.has(1) == ["heard-es"]
        await asyncio.sleep(1.2)
        await ann.say("left")
        await ann.until("ack", texts=3)
        async with guest(port, lang="es") as late:
            assert late.finals("es") == ["heard-es"]


async def test_a_cap_of_languages_is_told_by_name() -> None:
    async with (
        edge_port({"rooms_max_langs": 1}) as port,
        guest(port, lang="es") as one,
        speaker(port) as ann,
    ):
        await asyncio.sleep(1.2)
        async with guest(port, lang="fr") as second:
            told = await second.until("no_captions")
            assert told["reason"] == "TOO_MANY_LANGUAGES"
            await ann.say("hello")
            assert await one.has(1) == ["hello-es"]
            assert second.finals() == []


async def test_terms_of_a_room_hold_for_all_who_speak() -> None:
    async with edge_port() as port, guest(port, lang="es") as one:
        async with guest(port, role="moderator") as chair:
            await chair.send("set_terms", terms=[{"en": "voicemail", "es": "buzón"}])
            await one.until("room", terms=1)
        async with speaker(port) as ann:
            await asyncio.sleep(1.2)
            await ann.say("your voicemail")
            assert await one.has(1) == ["your-es buzón"]


async def test_what_cannot_be_is_refused_by_its_field() -> None:
    async with edge_port() as port:
        for join, field in (
            ({"lang": "xx"}, "join.lang"),
            ({"role": "king"}, "join.role"),
            ({"source_langs": []}, "join.source_langs"),
            ({"source_langs": ["en"], "role": "listener"}, "join.source_langs"),
            ({"captions": 1}, "join.captions"),
            ({"nonsense": 1}, "join"),
        ):
            async with connect(port, ROOM) as socket:
                await socket.send(json.dumps({"type": "join", **join}))
                told = json.loads(await socket.recv())
                assert (told["type"], told["field"], told["fatal"]) == ("error", field, True)
        async with guest(port) as listener:
            await listener.send("input_text", text="may I")
            assert (await listener.until("error"))["code"] == "NOT_A_SPEAKER"
            await listener.send("ping", id=1)
            await listener.until("pong", id=1)


async def test_what_was_said_is_kept_by_speaker_and_language() -> None:
    async with edge_port() as port, guest(port, lang="es") as listener, speaker(port, name="Ann") as ann:
        await ann.say("one <two>")
        await ann.say("three")
        await listener.has(2)
        path = f"{ROOM}/transcript"
        assert b"Ann: one-es (two-es>" in (await call(port, f"{path}?format=srt&lang=es"))[1]
        assert (await call(port, f"{path}?format=vtt"))[1].startswith(b"WEBVTT")
        assert b"**Ann**" in (await call(port, f"{path}?format=minutes"))[1]
        assert b"Ann: three" in (await call(port, f"{path}?format=txt&lang=spoken"))[1]
        (first, _) = (await call(port, f"{path}?lang=es"))[1]["segments"]
        assert first["source"]["text"] == "one <two>"
        assert first["translations"] == {"es": "one-es <two-es>"}
        assert (await call(port, ROOM))[1]["speakers"][0]["name"] == "Ann"
        assert (await call(port, f"{path}?lang=xx"))[1]["field"] == "lang"
        assert (await call(port, "/v1/rooms/empty/transcript"))[0] == 404
        assert (await call(port, f"{ROOM}/qr"))[1].startswith(b"<?xml")
        assert b"room.js" in (await call(port, "/room"))[1]  # where the code leads to
