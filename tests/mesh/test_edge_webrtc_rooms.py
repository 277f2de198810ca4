"""Rooms by WebRTC: a speaker by WHIP, listeners by WHEP, beside those of the WebSocket."""

from __future__ import annotations

from tests.mesh.mesh import loud, quiet
from tests.mesh.peers import Spoken, at_48_khz, calls, client, holds, post
from tests.mesh.rooms import guest

WHIP, WHEP = "/v1/rooms/hall/whip?source_lang=en&name=Ann", "/v1/rooms/hall/whep?lang=es&original=true"
PCM = at_48_khz(quiet(2) + loud(1.5) + quiet(6))


async def test_a_speaker_by_whip_is_read_and_heard_by_a_listener_by_whep_and_read_over_the_websocket() -> None:
    async with (
        calls() as port,
        client(port, WHEP, direction="recvonly") as listener,
        guest(port, lang="es") as reader,
        client(port, WHIP, track=Spoken(PCM)) as ann,
    ):
        ready = await ann.until("ready")
        await holds(lambda: any(each["final"] and each["lang"] == "es" for each in listener.of("segment")), 40)
        await reader.has(1, "es")
        await listener.until("gain")
        await holds(lambda: listener.loudness() > 300)
        said = [each for each in listener.of("segment") if each["final"] and each["lang"] == "es"]
        assert said[0]["speaker"] == ready["speaker"]
        assert said[0]["text"] == reader.finals("es")[0]
        assert (await ann.request("DELETE")).status == 200
        await holds(lambda: listener.of("room")[-1]["speakers"][0]["state"] == "left")


async def test_a_connection_is_deleted_by_its_location_whatever_letters_the_room_is_written_in() -> None:
    async with (
        calls() as port,
        client(port, "/v1/rooms/%E4%BC%9A%20%C3%A9/whep?lang=es", direction="recvonly") as listener,
    ):
        assert (await listener.until("joined"))["room"] == "会 é"
        assert (await listener.request("DELETE")).status == 200


async def test_what_a_room_cannot_give_is_refused_before_there_is_a_connection() -> None:
    async with calls() as port, client(port, WHEP, direction="recvonly") as listener:
        await listener.until("joined")
        sdp = listener.connection.localDescription.sdp
        for path, title in (
            ("/v1/rooms/hall/whep?lang=xx", "UNKNOWN_LANGUAGE"),
            ("/v1/rooms/%00/whep", "BAD_ROOM"),
            ("/v1/rooms/hall/whep?voice=yes", "WRONG_TYPE"),
            ("/v1/rooms/hall/whip?sourcelang=en", "UNKNOWN_PARAMETER"),
        ):
            answer = await post(port, path, sdp, None)
            assert (answer.status, answer.title) == (400, title)
