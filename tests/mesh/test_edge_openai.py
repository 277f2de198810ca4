"""OpenAI's protocol of live translation, as its clients speak it, on scripted engines behind a real gateway."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import numpy as np
from websockets.typing import Subprotocol

from services.edge.compat.deltas import Appended, Pieces
from tests.mesh.edge import Event, Got, connect, edge_port, heard, say, until
from tests.mesh.mesh import quiet
from tests.mesh.test_edge_rest import call

PATH = "/v1/realtime/translations?source_lang=en"
CLOSE = {"type": "session.close"}


def at_24khz(seconds: float, silence: float) -> bytes:
    times = np.arange(round(24_000 * seconds)) / 24_000
    return np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes() + bytes(
        2 * round(24_000 * silence)
    )


def append(pcm: bytes) -> list[Event]:
    pieces = [pcm[start : start + 9600] for start in range(0, len(pcm), 9600)]
    kind = "session.input_audio_buffer.append"
    return [{"type": kind, "audio": base64.b64encode(each).decode()} for each in pieces]


def update(language: str, **heard_: Any) -> Event:
    return {"type": "session.update", "session": {"audio": {"output": {"language": language}, "input": heard_}}}


def joined(got: Got, kind: str) -> str:
    return "".join(each["delta"] for each in got.of(kind))


async def test_deltas_are_the_concluded_text_and_speech_comes_in_pieces_of_200_ms() -> None:
    async with edge_port() as port, connect(port, PATH) as socket:
        got = Got()
        created = await until(socket, "session.created", got)
        assert created["session"]["type"] == "translation"
        await say(socket, update("es", transcription={"model": "any"}), *append(at_24khz(2, 1) * 2), CLOSE)
        await heard(socket, got)
    assert got.code == 1000
    assert got.events[-1]["type"] == "session.closed"
    spoken, said = joined(got, "session.input_transcript.delta"), joined(got, "session.output_transcript.delta")
    assert len(spoken.split()) == len(said.split()) > 4
    assert "  " not in said
    steps = [each["elapsed_ms"] for each in got.of("session.output_transcript.delta")]
    assert all(step % 200 == 0 for step in steps)
    assert steps == sorted(steps)
    audio = got.of("session.output_audio.delta")
    assert {(each["sample_rate"], each["channels"], each["format"]) for each in audio} == {(24_000, 1, "pcm16")}
    lengths = [len(base64.b64decode(each["delta"])) for each in audio]
    assert max(lengths) == 9600


async def test_a_client_that_never_names_its_languages_is_closed() -> None:
    async with edge_port({"hello_ms": 100}) as port, connect(port, PATH) as socket:
        await say(socket, *append(quiet(0.1))[:1])
        got = await heard(socket)
    assert got.of("error")[-1]["error"]["code"] == "HELLO_TIMEOUT"
    assert got.code == 4008


async def test_what_cannot_be_taken_is_an_error_and_the_session_stays() -> None:
    bad: list[Event] = [
        {"type": "response.create"},
        {"type": "session.update", "session": {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}}},
        {"type": "session.update", "session": {"colour": 1}},
        {"type": "session.input_audio_buffer.append", "audio": "A", "event_id": "mine"},
    ]
    async with edge_port() as port, connect(port, PATH) as socket:
        await say(socket, *append(quiet(0.1))[:1], *bad[:3], update("es"), *bad, *append(at_24khz(1, 1)), CLOSE)
        got = await heard(socket)
    told = [(each["error"]["code"], each["error"]["param"]) for each in got.of("error")]
    assert told == [
        ("LANGUAGE_MISSING", "session.audio.output.language"),
        ("UNKNOWN_TYPE", "type"),
        ("NOT_IMPLEMENTED", "session.audio.input.noise_reduction"),
        ("UNKNOWN_FIELD", "session.colour"),
        ("UNKNOWN_TYPE", "type"),
        ("NOT_IMPLEMENTED", "session.audio.input.noise_reduction"),
        ("UNKNOWN_FIELD", "session.colour"),
        ("WRONG_TYPE", "audio"),
    ]
    assert got.of("error")[-1]["error"]["event_id"] == "mine"
    assert got.of("session.output_transcript.delta")
    assert got.events[-1]["type"] == "session.closed"


async def test_the_language_is_changed_by_an_update_and_the_secret_is_never_echoed() -> None:
    protocols = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.ek_x")]
    async with edge_port() as port, connect(port, PATH, subprotocols=protocols) as socket:
        assert socket.subprotocol == "realtime"
        got = Got()
        await say(socket, update("es"), *append(at_24khz(1, 1)))
        await until(socket, "session.output_transcript.delta", got)
        await say(socket, update("fr"), *append(at_24khz(1, 1)), CLOSE)
        await heard(socket, got)
    languages = [each["session"]["audio"]["output"]["language"] for each in got.of("session.updated")]
    assert languages == ["es", "fr"]
    assert "-fr" in joined(got, "session.output_transcript.delta")


async def test_a_model_and_a_language_that_are_not_there_are_refused_by_name() -> None:
    async with edge_port() as port:
        async with connect(port, PATH + "&model=another") as socket:
            got = await heard(socket)
        async with connect(port, PATH) as socket:
            await say(socket, update("xx"))
            other = await heard(socket)
    assert (got.events[-1]["error"]["code"], got.code) == ("UNKNOWN_MODEL", 4000)
    assert (other.events[-1]["error"]["code"], other.code) == ("UNKNOWN_LANGUAGE", 4000)


async def test_a_client_secret_is_given_where_no_tokens_are_asked_for() -> None:
    asked = {"session": {"audio": {"output": {"language": "es"}}}}
    async with edge_port() as port:
        status, told = await call(port, "/v1/realtime/translations/client_secrets", asked, Authorization="")
    assert status == 200
    assert told["value"].startswith("ek_")
    assert told["session"]["audio"]["output"]["language"] == "es"


def test_a_segment_that_begins_before_another_has_ended_waits_for_its_end() -> None:
    said = Appended()
    results = [
        (1, "a b", 1, False),
        (2, "x y", 3, False),
        (1, "a b c", 3, False),
        (1, "a b c.", 0, True),
        (2, "x y z", 0, True),
    ]
    assert [said.delta(*each, "es") for each in results] == ["a", "", " b", " c. x y", " z"]


def test_a_final_that_heard_better_says_what_lies_behind_the_words_that_were_sent() -> None:
    said = Appended()
    assert said.delta(1, "open sores he", 10, False, "en") == "open sores"
    assert said.delta(1, "open source PBX", 0, True, "en") == " PBX"


def test_pieces_of_speech_are_equally_long_but_for_the_last_of_a_clause() -> None:
    pieces = Pieces(24_000)
    cut = [pieces.cut(bytes(3840), last) for last in (False, False, False, True)]
    assert [len(each) for each in itertools.chain(*cut)] == [9600, 5760]
