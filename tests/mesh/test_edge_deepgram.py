"""Deepgram's protocol of captions, as its clients speak it, on scripted engines behind a real gateway."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.mesh.edge import connect, edge_port, heard, say
from tests.mesh.mesh import UTTERANCE, loud

PATH = "/v1/listen?encoding=linear16&sample_rate=16000&language=en&model=nova-3"


async def test_results_are_interim_and_final_and_metadata_comes_last() -> None:
    protocols = [Subprotocol("token"), Subprotocol("secret")]
    path = PATH + "&interim_results=true&vad_events=true&utterance_end_ms=1000&punctuate=true&diarize=false"
    async with edge_port() as port, connect(port, path, subprotocols=protocols) as socket:
        assert socket.subprotocol == "token"
        await say(socket, UTTERANCE + UTTERANCE, {"type": "KeepAlive"}, {"type": "CloseStream"})
        got = await heard(socket)
    results = got.of("Results")
    finals = [each for each in results if each["is_final"]]
    assert got.code == 1000
    assert len(finals) == len(got.of("UtteranceEnd")) == 2
    assert len(results) > 2
    assert got.of("SpeechStarted")
    assert all(each["speech_final"] for each in finals)
    assert finals[0]["channel"]["alternatives"][0]["transcript"]
    assert got.events[-1]["type"] == "Metadata"
    assert got.events[-1]["duration"] == 6.0


async def test_finalize_ends_what_is_open() -> None:
    async with edge_port() as port, connect(port, PATH) as socket:
        await say(socket, loud(2), {"type": "Finalize"}, {"type": "CloseStream"})
        got = await heard(socket)
    (result,) = got.of("Results")
    assert (result["is_final"], result["speech_final"], result["from_finalize"]) == (True, False, True)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/listen?sample_rate=16000", "UNKNOWN_FORMAT"),
        (PATH + "&redact=pii", "NOT_IMPLEMENTED"),
        (PATH + "&channels=2", "OUT_OF_RANGE"),
        (PATH + "&interim_results=maybe", "WRONG_TYPE"),
        (PATH + "&utterance_end_ms=soon", "WRONG_TYPE"),
        (PATH + "&token=x", "NOT_IMPLEMENTED"),
    ],
)
async def test_what_is_not_had_is_refused_before_the_upgrade(path: str, code: str) -> None:
    async with edge_port() as port:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(port, path):
                pass
    assert code.encode() in (caught.value.response.body or b"")


async def test_a_message_of_another_protocol_is_an_error() -> None:
    async with edge_port() as port, connect(port, PATH) as socket:
        await say(socket, {"type": "Configure"})
        got = await heard(socket)
    assert got.code == 4000
    assert got.of("Error")[0]["variant"] == "UNKNOWN_TYPE"
