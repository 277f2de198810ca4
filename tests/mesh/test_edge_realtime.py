"""The edge's WebSocket as a client in any language sees it, on scripted engines behind a real gateway."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.mesh.edge import Event, Got, connect, control, edge_port, heard, hello, say, spoken, talk, typed, until
from tests.mesh.mesh import UTTERANCE, loud

END = control("end")


async def test_a_client_that_knows_the_plain_names_alone_is_translated() -> None:
    """Unpaced chunks of odd sizes without numbers, as copied clients send them, with a token that nobody reads."""
    async with edge_port() as port:
        got = await talk(
            port,
            hello("es", features=["partial_results", "vad"]),
            *spoken(UTTERANCE * 2, size=65_535),
            control("commit"),
            END,
            path="/v1/realtime?target_lang=es",
            additional_headers={"Authorization": "Bearer whatever"},
        )
    assert got.code == 1000
    assert len(got.of("final_asr")) == len(got.finals("es")) == 2
    assert got.of("partial_asr")
    assert got.of("partial_translation")
    assert len(got.speech("es")) > 24_000
    assert {each["seq"] for each in got.of("final_asr")} <= set(range(1, 5))
    assert got.of("final_asr")[-1]["seq"] == 3  # the last utterance lies in the last chunk
    assert [each["type"] for each in got.events[-2:]] == ["end_of_target", "end_of_session"]


async def test_typed_text_has_the_number_of_the_input_it_came_with() -> None:
    async with edge_port() as port:
        got = await talk(port, hello("es"), typed("good morning", seq=7), typed("and good night", seq=9), END)
    assert [(each["seq"], each["text"], each["origin"]) for each in got.of("final_asr")] == [
        (7, "good morning", "typed"),
        (9, "and good night", "typed"),
    ]
    assert [each["seq"] for each in got.of("final_translation")] == [7, 9]


async def test_an_input_that_repeats_its_number_is_dropped() -> None:
    async with edge_port() as port:
        got = await talk(port, hello("es"), typed("one", seq=1), typed("one", seq=1), typed("two", seq=2), END)
    assert [each["text"] for each in got.of("final_asr")] == ["one", "two"]


async def test_ready_tells_what_was_granted_and_how_to_resume() -> None:
    async with edge_port() as port, connect(port) as socket:
        await say(socket, hello("es-MX", tts_voice="es-ES-female-1", features=[]))
        ready = await until(socket, "ready")
    assert ready["session"]["source_lang"] == "en-US"
    assert ready["session"]["targets"][0]["lang"] == "es"
    assert ready["resume_handle"]
    assert ready["limits"]["max_text_length"] > 0
    (note,) = ready["notes"]
    assert note["code"] == "VOICE_RESOLVED"
    assert ready["session"]["targets"][0]["voice"] == note["given"]


async def test_several_targets_and_binary_audio_both_ways() -> None:
    async with edge_port() as port:
        opening = hello("es", "fr", features=["binary_audio"], input={"format": "pcm16le", "sample_rate": 16_000})
        got = await talk(port, opening, *[UTTERANCE[at : at + 3201] for at in range(0, len(UTTERANCE), 3201)], b"")
    assert got.code == 1000
    assert got.finals("es")
    assert got.finals("fr")
    assert not got.of("partial_asr")  # features are what is listed
    for index, event in enumerate(got.events):
        if event["type"] == "tts_audio":
            assert len(got.events[index + 1]["data"]) == event["bytes"]
    assert sum(event["bytes"] for event in got.of("tts_audio")) > 48_000


async def test_speech_comes_as_opus_where_it_is_asked_for() -> None:
    async with edge_port() as port:
        asked = hello("es", output={"format": "opus", "sample_rate": 24_000})
        got = await talk(port, asked, *spoken(UTTERANCE), END)
    packets = got.of("tts_audio")
    assert {each["format"] for each in packets} == {"opus"}
    assert got.of("ready")[0]["session"]["output"]["format"] == "opus"
    assert packets[0]["text"]
    assert packets[-1]["last"]
    assert 0 < len(got.speech("es")) < sum(each.get("samples", 0) for each in packets) // 4


async def test_targets_change_while_the_session_runs() -> None:
    async with edge_port() as port, connect(port) as socket:
        got = Got()
        await say(socket, hello("es"), typed("one"))
        await until(socket, "final_translation", got)
        await say(socket, control("set_target_lang", target_lang="fr"), typed("two"), END)
        await heard(socket, got)
    assert len(got.finals("es")) == 1
    assert len(got.finals("fr")) == 1


async def test_a_dictionary_is_a_plain_object_of_terms() -> None:
    async with edge_port() as port:
        got = await talk(port, hello("es", dictionary={"voicemail": "buzón"}), typed("your voicemail"), END)
    (use,) = got.of("final_translation")[0]["glossary"]
    assert (use["source"], use["required"]) == ("voicemail", "buzón")


async def test_a_ping_is_answered_and_a_marker_comes_back_behind_what_was_said() -> None:
    async with edge_port() as port:
        got = await talk(port, hello("es"), {"type": "ping", "id": 5}, control("ping", marker="here"), END)
    assert [each["id"] for each in got.of("pong")] == [5]
    assert [each["marker"] for each in got.of("marker")] == ["here"]


async def test_a_session_with_audio_is_told_how_far_it_was_heard() -> None:
    async with edge_port({"heartbeat_ms": 200}) as port, connect(port) as socket:
        await say(socket, hello("es"), *spoken(loud(1)))
        while (beat := await until(socket, "heartbeat"))["audio_received_ms"] < 1000:
            pass  # it beats while audio still comes
    assert beat["audio_received_ms"] == 1000
    assert beat["lag_ms"] >= 0


async def test_a_lost_connection_is_resumed_without_a_word_lost_or_said_twice() -> None:
    said = UTTERANCE * 3
    async with edge_port() as port:
        got = Got()
        async with connect(port) as socket:
            await say(socket, hello("es"), *spoken(said[: len(said) // 2]))
            ack = await until(socket, "ack", got)
            while not ack["audio_ms"]:
                ack = await until(socket, "ack", got)
            socket.transport.abort()
        finals = [each for each in got.of("final_asr") if each["end_ms"] <= ack["audio_ms"]]
        again = Got()
        async with connect(port) as socket:
            await say(socket, {**hello("es"), "resume_handle": ack["resume_handle"]})
            ready = await until(socket, "ready", again)
            rest = said[ready["resume_offset_ms"] * 32 :]
            first, *others = spoken(rest)
            await say(socket, {**first, "offset_samples": ready["resume_offset_ms"] * 16}, *others, END)
            await heard(socket, again)
    numbers = [each["segment_id"] for each in (*finals, *again.of("final_asr"))]
    assert numbers == [1, 2, 3]
    assert ready["session_id"] == got.of("ready")[0]["session_id"]


BAD: list[tuple[Event | bytes | str, str, str]] = [
    (b"\0\0", "HELLO_MISSING", "type"),
    ("{", "UNREADABLE_MESSAGE", ""),
    ("[]", "WRONG_TYPE", ""),
    ("[" * 100_000, "UNREADABLE_MESSAGE", ""),
    (typed("early"), "HELLO_MISSING", "type"),
    ({**hello("es"), "version": "2020-01-01"}, "UNKNOWN_VERSION", "hello.version"),
    ({**hello("es"), "colour": 1}, "UNKNOWN_FIELD", "hello"),
    ({"type": "hello", "session": 5}, "WRONG_TYPE", "hello.session"),
    (hello("es", source_lang=5), "WRONG_TYPE", "hello.session.source_lang"),
    (hello("es", source_lang="xx"), "UNKNOWN_LANGUAGE", "hello.session.source_lang"),
    (hello("xx"), "UNKNOWN_LANGUAGE", "hello.session.targets[0].lang"),
    (hello("es", volume=3), "UNKNOWN_FIELD", "hello.session"),
    (hello("es", features=["teleport"]), "UNKNOWN_FEATURE", "hello.session.features[0]"),
    (hello("es", stabilization="slow"), "UNKNOWN_VALUE", "hello.session.stabilization"),
    (hello("es", latency_budget_ms="1"), "WRONG_TYPE", "hello.session.latency_budget_ms"),
    (hello("es", tts_voice="nobody"), "UNKNOWN_VOICE", "hello.session.targets[0].voice"),
    (hello("es", targets=[{"lang": "fr"}]), "TARGETS_TWICE", "hello.session.targets"),
    (hello("es", formality="formal"), "NO_FORMALITY", "hello.session.targets[0].formality"),
    (hello("es", formality="rude"), "UNKNOWN_VALUE", "hello.session.formality"),
    (hello("es", input={"format": "mp3", "sample_rate": 8000}), "UNKNOWN_FORMAT", "hello.session.input.format"),
    ({**hello("es"), "resume_handle": "x"}, "RESUME_UNREADABLE", "hello.resume_handle"),
]


async def test_a_first_message_that_cannot_be_taken_is_refused_by_name() -> None:
    wrong = []
    async with edge_port() as port:
        for message, code, field in BAD:
            async with connect(port) as socket:
                await socket.send(message if isinstance(message, bytes | str) else json.dumps(message))
                got = await heard(socket)
            error = got.error()
            helpful = bool(error.get("accepted"))
            if (error["code"], error.get("field", ""), helpful) != (code, field, True) or got.code not in (4000, 4501):
                wrong.append((code, field, error, got.code))
    assert not wrong


LATER: list[tuple[Any, str, str]] = [
    ({"type": "shout"}, "UNKNOWN_TYPE", "type"),
    ({"type": 5}, "UNKNOWN_TYPE", "type"),
    ({}, "UNKNOWN_TYPE", "type"),
    (hello("es"), "HELLO_REPEATED", "hello"),
    ({"type": "input_audio", "data": "AAAA"}, "FORMAT_MISSING", "input_audio.format"),
    ({"type": "input_audio", "format": "pcm16le", "sample_rate": 16000}, "FIELD_MISSING", "input_audio.data"),
    ({"type": "input_audio", "format": "pcm16le", "sample_rate": 16000, "data": "*"}, "WRONG_TYPE", "input_audio.data"),
    (
        {"type": "input_audio", "format": "pcm16le", "sample_rate": 5, "data": "AAAA"},
        "BAD_SAMPLE_RATE",
        "input_audio.sample_rate",
    ),
    (typed("x", seq=0), "WRONG_TYPE", "input_text.seq"),
    (typed("x", seq=True), "WRONG_TYPE", "input_text.seq"),
    (typed("x", loud=True), "UNKNOWN_FIELD", "input_text"),
    ({"type": "input_text", "text": 5}, "WRONG_TYPE", "input_text.text"),
    ({"type": "input_text", "text": "\ud800"}, "WRONG_TYPE", "input_text.text"),
    (typed("x" * 3000), "TEXT_TOO_LONG", "input_text.text"),
    ({"type": "ping", "id": "\ud800"}, "WRONG_TYPE", "ping.id"),
    (control("dance"), "UNKNOWN_ACTION", "control.action"),
    (control("ping", marker="edge"), "RESERVED_MARKER", "control.marker"),
    (b"\0\0", "FORMAT_MISSING", "input_audio.format"),
]


async def test_a_later_message_that_cannot_be_taken_ends_the_session_by_name() -> None:
    """What was said before it is delivered, behind the error."""

    async def told(port: int, message: Any) -> tuple[object, ...]:
        async with connect(port) as socket:
            await say(socket, hello("es"), typed("before"))
            await until(socket, "ready")
            await socket.send(message if isinstance(message, bytes) else json.dumps(message))
            got = await heard(socket)
        error = got.error()
        return error["code"], error.get("field", ""), bool(error.get("accepted")), len(got.of("final_asr")), got.code

    async with edge_port(slots=32) as port:
        answers = await asyncio.gather(*(told(port, message) for message, _, _ in LATER))
    assert answers == [(code, field, True, 1, 4000) for _, code, field in LATER]
