"""Wyoming at the edge, as a client drives it that minds no rules, on scripted engines behind a real gateway."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.issuer import settings as with_tokens
from services.edge.wyoming import framing
from services.edge.wyoming.framing import MOST_LINE, MOST_PAYLOAD
from tests.mesh.mesh import UTTERANCE
from tests.mesh.wyoming import FORM, Client, client, wyoming_port


async def speak(wyoming: Client, pcm: bytes, **asked: str) -> None:
    await wyoming.send("transcribe", **asked)
    await wyoming.send("audio-start", **FORM)
    for start in range(0, len(pcm), 2048):
        await wyoming.send("audio-chunk", pcm[start : start + 2048], **FORM)
    await wyoming.send("audio-stop")


async def test_what_is_there_is_described_by_languages_and_voices() -> None:
    async with wyoming_port() as port, client(port) as wyoming:
        await wyoming.send("describe")
        ((_, info, _),) = await wyoming.until("info")
        await wyoming.send("ping", text="here")
        assert await wyoming.read() == ("pong", {"text": "here"}, b"")
    (heard,), (spoken,) = info["asr"], info["tts"]
    assert "en-US" in heard["models"][0]["languages"]
    assert "babelmesh-to-es" in {each["name"] for each in heard["models"]}
    langs = {each["languages"][0].partition("-")[0] for each in spoken["voices"]}
    assert "es" in langs
    assert "en" not in langs  # text is in English: what stays there is not spoken


async def test_speech_becomes_text_piece_by_piece_and_whole_and_in_another_language() -> None:
    async with wyoming_port() as port, client(port) as wyoming:
        await speak(wyoming, UTTERANCE * 2, language="en")
        events = await wyoming.until("transcript-stop", "error")
        await speak(wyoming, UTTERANCE, language="en", name="babelmesh-to-es")
        translated = await wyoming.until("transcript-stop", "error")
    kinds = [kind for kind, _, _ in events]
    assert kinds[0] == "transcript-start"
    assert kinds[-2:] == ["transcript", "transcript-stop"]
    pieces = [data["text"] for kind, data, _ in events if kind == "transcript-chunk"]
    assert len(pieces) == 2
    assert events[-2][1]["text"] == "".join(pieces)
    assert translated[-2][1]["language"] == "es"
    assert all(word.rstrip(".").endswith("-es") for word in translated[-2][1]["text"].split())


async def test_text_becomes_speech_of_its_translation_at_once_and_as_it_comes() -> None:
    async with wyoming_port() as port, client(port) as wyoming:
        await wyoming.send("synthesize", text="good morning", voice={"language": "es"})
        whole = await wyoming.until("audio-stop", "error")
        await wyoming.send("synthesize-start", voice={"language": "es"})
        for piece in ("good ", "morning"):
            await wyoming.send("synthesize-chunk", text=piece)
        await wyoming.send("synthesize", text="good morning")  # for servers that do not know the others
        await wyoming.send("synthesize-stop")
        streamed = await wyoming.until("synthesize-stopped", "error")
    assert [kind for kind, _, _ in whole[:2]] == ["audio-start", "audio-chunk"]
    assert [kind for kind, _, _ in streamed[-2:]] == ["audio-stop", "synthesize-stopped"]
    said, again = (b"".join(payload for _, _, payload in events) for events in (whole, streamed))
    assert len(said) > 24_000
    assert len(said) == len(again)
    assert whole[0][1]["rate"] == 24_000


REFUSED: list[tuple[tuple[str, dict[str, Any], str, dict[str, Any]], str]] = [
    (("transcribe", {}, "audio-start", {**FORM, "rate": 1}), "WRONG_TYPE"),
    (("transcribe", {}, "audio-start", {**FORM, "channels": 2}), "UNKNOWN_FORMAT"),
    (("transcribe", {"language": "xx"}, "audio-start", FORM), "UNKNOWN_LANGUAGE"),
    (("transcribe", {"language": "en", "name": "whisper"}, "audio-start", FORM), "UNKNOWN_MODEL"),
    (("ping", {}, "synthesize", {"text": "a", "voice": {"name": "nobody"}}), "UNKNOWN_VOICE"),
    (("ping", {}, "synthesize", {"text": "a", "voice": {"language": "en"}}), "UNKNOWN_VOICE"),
    (("ping", {}, "synthesize", {"text": 5}), "WRONG_TYPE"),
]


async def test_what_is_not_had_is_refused_by_name_and_the_connection_goes_on() -> None:
    async with wyoming_port() as port, client(port) as wyoming:
        for (first, told, second, asked), code in REFUSED:
            await wyoming.send(first, **told)
            await wyoming.send(second, **asked)
            *_, (kind, data, _) = await wyoming.until("error", "transcript-stop", "audio-stop")
            assert (kind, data["code"]) == ("error", code)
            assert data.get("field"), data
        await wyoming.send("detect", names=["hey"])  # of another kind of program: dropped
        await speak(wyoming, UTTERANCE, language="en")
        assert (await wyoming.until("transcript-stop"))[-1][0] == "transcript-stop"


BROKEN = [
    b"no json\n",
    b"[]\n",
    b'{"data": {}}\n',
    b'{"type": 5}\n',
    b"\xff\n",
    b"x" * (MOST_LINE + 2),
    b'{"type": "ping", "data_length": -1}\n',
    json.dumps({"type": "audio-chunk", "payload_length": MOST_PAYLOAD + 1}).encode() + b"\n",
    b'{"type": "ping", "data_length": 2}\n[]',
]


async def test_what_is_no_event_ends_the_connection_with_a_word_and_nothing_in_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        async with wyoming_port() as port:
            for sent in BROKEN:
                async with client(port) as wyoming:
                    await wyoming.send_bytes(sent)
                    assert [kind for kind, _, _ in await wyoming.until("none")] == ["error"], sent
    assert not caplog.records


async def test_an_event_that_never_comes_whole_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "REST_SECONDS", 0.1)
    async with wyoming_port() as port:
        async with client(port) as wyoming:
            await wyoming.send_bytes(b'{"type": "audio-chunk", "payload_length": 100}\nhalf')
            assert await wyoming.read() is None
        async with client(port) as wyoming:
            await wyoming.send("audio-start", **FORM)
            wyoming.abort()  # in the midst of a request


async def test_where_tokens_are_asked_for_it_is_refused_as_it_has_none(tmp_path: Path) -> None:
    async with wyoming_port(**with_tokens(tmp_path)) as port, client(port) as wyoming:
        await wyoming.send("describe")
        assert (await wyoming.until("error"))[0][1]["code"] == "TOKEN_MISSING"
