"""Sessions by WebRTC: what comes of a microphone, what is played, and what the resource of a connection takes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from services.common.errors import InvalidArgument
from services.edge.webrtc.fragments import Fragment
from services.edge.webrtc.ice import Path, Ways
from tests.mesh.edge import Event, typed
from tests.mesh.mesh import loud, quiet
from tests.mesh.peers import Spoken, at_48_khz, calls, client, holds, offered, post, request, restarted

PATH = "/v1/realtime/calls"
SESSION = {"source_lang": "en", "target_lang": "es"}
UTTERANCE = at_48_khz(quiet(0.4) + loud(1.4) + quiet(4))


async def test_a_microphone_becomes_captions_and_a_voice_that_is_played() -> None:
    async with calls() as port, client(port, PATH, SESSION, Spoken(UTTERANCE)) as peer:
        spoken = await peer.until("final_asr")
        said = await peer.until("final_translation")
        await peer.until("tts_audio")
        await holds(lambda: peer.loudness() > 300)
    assert peer.events[0]["type"] == "ready"
    assert peer.events[0]["resume_handle"]
    assert spoken["text"]
    assert said["target_lang"] == "es"
    assert all("data" not in each for each in peer.of("tts_audio"))


async def test_a_session_ends_when_its_client_says_so_and_all_that_was_said_has_come() -> None:
    async with calls() as port, client(port, PATH, {**SESSION, "targets": None}, direction="recvonly") as peer:
        await peer.until("ready")
        peer.say(typed("good morning"))
        peer.say({"type": "control", "action": "end"})
        await peer.until("end_of_session")
        assert [each["text"] for each in peer.of("final_asr")] == ["good morning"]
        assert peer.of("final_translation")
        await holds(lambda: peer.connection.connectionState == "closed")


async def test_a_message_that_cannot_be_taken_ends_the_session_by_name() -> None:
    async with calls() as port, client(port, PATH, SESSION, direction="recvonly") as peer:
        await peer.until("ready")
        peer.say({"type": "sing"})
        error = await peer.until("error")
    assert (error["code"], error["field"], error["fatal"]) == ("UNKNOWN_TYPE", "type", True)


@pytest.mark.clock  # as it speaks
async def test_a_pause_that_was_not_sent_is_a_hole_in_the_clock_and_no_shift() -> None:
    """Of three seconds in the middle nothing is sent; what is said behind them keeps its place."""
    pcm = at_48_khz(quiet(0.4) + loud(1.0) + quiet(3.6) + loud(1.0) + quiet(4))
    async with calls() as port, client(port, PATH, SESSION, Spoken(pcm, range(80, 230))) as peer:
        second = await peer.until("final_asr", 2)
    assert second["start_ms"] == pytest.approx(5000, abs=400)


async def test_a_connection_is_a_resource_that_is_changed_by_its_etag_and_deleted() -> None:
    async with calls() as port, client(port, PATH, SESSION, direction="recvonly") as peer:
        await peer.until("ready")
        assert peer.answer
        etag = peer.answer.headers["etag"]
        candidate = "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
        assert (await peer.request("PATCH", candidate)).status == 428
        assert (await peer.request("PATCH", candidate, if_match='"other"')).status == 412
        assert (await peer.request("PATCH", candidate, if_match=etag)).status == 204
        assert (await peer.request("PATCH", "nonsense", if_match=etag)).title == "UNREADABLE_SDP"
        restart = await peer.request("PATCH", "a=ice-ufrag:other\r\n", if_match="*")
        assert (restart.status, restart.title) == (400, "UNREADABLE_SDP")
        stranger = await peer.request("DELETE", authorization="Bearer another")
        assert stranger.status == 404
        assert (await peer.request("DELETE")).status == 200
        await holds(lambda: peer.connection.connectionState == "closed")
        assert (await peer.request("DELETE")).status == 404


async def test_a_way_has_so_many_candidates_however_they_come() -> None:
    path = Path(Ways())
    for first in (2000, 3000):
        told = tuple(f"1 1 udp 2130706431 127.0.0.1 {first + each} typ host" for each in range(32))
        await path.hear(Fragment(candidates=told))
    with pytest.raises(InvalidArgument, match="too many"):
        await path.hear(Fragment(candidates=("1 1 udp 2130706431 127.0.0.1 9 typ host",)))
    await path.close()


async def refusal(port: int, sdp: str, session: Event | None = None, **fields: Any) -> tuple[int, str]:
    answer = await post(port, PATH, sdp, session, **fields)
    return answer.status, answer.title


async def test_what_cannot_be_answered_is_refused_by_name() -> None:
    connection, video = RTCPeerConnection(), RTCPeerConnection()
    connection.addTransceiver("audio", direction="sendrecv")
    video.addTransceiver("video", direction="sendonly")
    sdp = await offered(connection)
    both = {"source_lang": "en", "targets": [{"lang": "es"}, {"lang": "fr"}]}
    async with calls({"client_peers": 1}) as port:
        assert await refusal(port, "hello") == (400, "UNREADABLE_SDP")
        assert await refusal(port, await offered(video)) == (400, "UNSUPPORTED_MEDIA")
        assert await refusal(port, sdp, SESSION, sesion={}) == (400, "UNKNOWN_FIELD")
        assert await refusal(port, sdp, both) == (400, "ONE_VOICE")
        assert await refusal(port, sdp, {**SESSION, "input": {"format": "opus"}}) == (400, "FORMAT_OF_TRACKS")
        assert await refusal(port, sdp, {**SESSION, "original": "loud"}) == (400, "UNKNOWN_VALUE")
        assert await refusal(port, sdp, {**SESSION, "target_lang": "xx"}) == (400, "UNKNOWN_LANGUAGE")
        answer = await request(port, "POST", f"{PATH}?token=x", b"", {"Content-Type": "text/plain"})
        assert (answer.status, answer.title) == (400, "TOKEN_IN_QUERY")
        answer = await request(port, "POST", PATH, b"x", {"Content-Type": "text/plain"})
        assert (answer.status, answer.title) == (415, "UNSUPPORTED_TYPE")
        async with client(port, PATH, SESSION, direction="recvonly") as peer:
            await peer.until("ready")
            assert await refusal(port, sdp, SESSION) == (429, "TOO_MANY_SESSIONS")
    await connection.close()
    await video.close()


async def test_an_offer_whose_lines_are_not_all_there_is_refused() -> None:
    connection = RTCPeerConnection()
    connection.addTransceiver("audio", direction="sendrecv")
    connection.createDataChannel("x")
    head, lines = (await offered(connection)).split("m=audio", 1)
    data = lines[lines.index("m=application") :]  # of a group of two lines, as the head has it
    async with calls() as port:
        assert await refusal(port, head + data, SESSION) == (400, "UNREADABLE_SDP")
    await connection.close()


async def test_servers_are_told_with_credentials_that_end() -> None:
    settings = {"ice_servers": "stun:192.0.2.1:3478,turn:192.0.2.1:3478?transport=udp", "turn_secret": "s" * 16}
    async with calls(settings) as port:
        answer = await request(port, "GET", PATH)
    stun, turn = json.loads(answer.text)["iceServers"]
    assert stun == {"urls": ["stun:192.0.2.1:3478"]}
    assert turn["urls"] == ["turn:192.0.2.1:3478?transport=udp"]
    assert turn["username"].split(":")[0].isdigit()
    assert turn["credential"]
    assert 'rel="ice-server"' in answer.headers["link"]


@pytest.mark.clock
async def test_an_ice_restart_loses_no_word_although_the_old_way_is_gone() -> None:
    """While the client has no way at all a second of silence passes; what is said before and behind it arrives."""
    pcm = at_48_khz(quiet(0.4) + loud(1.2) + quiet(4) + loud(1.2) + quiet(4))
    async with calls() as port, client(port, PATH, SESSION, Spoken(pcm), restarts=True) as peer:
        await peer.until("final_asr")
        await restarted(peer)
        await peer.until("final_translation", 2)
        assert len(peer.of("final_asr")) == 2
        assert peer.connection.connectionState == "connected"


async def test_a_client_of_openais_protocol_gets_deltas_by_its_channel_and_hears_the_voice() -> None:
    path = "/v1/realtime/translations/calls"
    session = {"audio": {"input": {"language": "en", "transcription": {}}, "output": {"language": "es"}}}
    async with calls() as port, client(port, path, session, Spoken(UTTERANCE)) as peer:
        created = await peer.until("session.created")
        await peer.until("session.output_transcript.delta")
        await holds(lambda: peer.loudness() > 300)
        peer.say({"type": "session.close"})
        await peer.until("session.closed")
    assert created["session"]["audio"]["output"]["language"] == "es"
    assert peer.of("session.input_transcript.delta")
    assert not peer.of("session.output_audio.delta")


async def test_who_asks_for_what_is_refused_and_never_connects_holds_no_place() -> None:
    connection = RTCPeerConnection()
    connection.addTransceiver("audio", direction="sendrecv")
    connection.createDataChannel("x")
    sdp = await offered(connection)
    path, session = "/v1/realtime/translations/calls", {"audio": {"output": {"language": "xx"}}}
    async with calls({"client_peers": 1, "peer_connect_ms": 500}) as port:
        assert (await post(port, path, sdp, session)).status == 201
        async with asyncio.timeout(60):
            while (await post(port, path, sdp, session)).status != 201:  # noqa: ASYNC110 - 429 while one is waited for
                await asyncio.sleep(0.1)
    await connection.close()


async def test_a_client_of_openais_protocol_may_name_its_languages_by_its_channel() -> None:
    path = "/v1/realtime/translations/calls?source_lang=en"
    async with calls() as port, client(port, path, None, direction="recvonly") as peer:
        await peer.until("session.created")
        peer.say({"type": "session.update", "session": {"audio": {"output": {"language": "xx"}}}})
        error = await peer.until("error")
    assert error["error"]["code"] == "UNKNOWN_LANGUAGE"
