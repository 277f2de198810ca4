"""REST of the edge, as curl and other people's clients call it, on scripted engines behind a real gateway."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import wave
from asyncio import to_thread
from typing import Any

import av
import numpy as np
import pytest

from tests.mesh.edge import edge, edge_port
from tests.mesh.mesh import UTTERANCE

JSON = {"Content-Type": "application/json", "Authorization": "Bearer x"}


def _called(port: int, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


async def call(port: int, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    status, told, answer = await to_thread(_called, port, path, data, {**JSON, **headers})
    return status, json.loads(answer) if "json" in told.get("content-type", "") else answer


def wav(pcm: bytes = UTTERANCE) -> bytes:
    into = io.BytesIO()
    with wave.open(into, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(16_000)
        writing.writeframes(pcm)
    return into.getvalue()


def encoded(form: str, codec: str) -> bytes:
    """The utterance in another container."""
    into = io.BytesIO()
    with av.open(into, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format.name, "mono", 48_000)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(UTTERANCE, "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = 16_000
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return into.getvalue()


async def test_a_text_is_translated_as_users_of_curl_ask() -> None:
    asked = {
        "source_lang": "en",
        "target_lang": "es",
        "text": "your voicemail",
        "dictionary": {"voicemail": "buzón"},
        "formality": "formal",
    }
    async with edge_port() as port:
        status, answer = await call(port, "/v1/translate", asked)
    assert status == 200
    assert "buzón" in answer["translation"]
    assert answer["latency_ms"] > 0
    assert answer["not_honoured"] == ["formality"]
    assert answer["glossary"][0]["honoured"]


async def test_a_text_goes_into_several_languages_at_once() -> None:
    async with edge_port() as port:
        status, answer = await call(
            port, "/v1/translate", {"source_lang": "en", "target_langs": ["es", "fr"], "text": "a"}
        )
    assert status == 200
    assert answer["translations"].keys() == {"es", "fr"}
    assert answer["translation"] == answer["translations"]["es"]


async def test_other_peoples_clients_are_answered_in_their_own_form() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "DeepL-Auth-Key x"}
    async with edge_port() as port:
        deepl = await call(port, "/v2/translate", {"text": ["a", "b"], "source_lang": "EN", "target_lang": "ES"})
        typed = await call(port, "/v2/translate", b"text=a&text=b&source_lang=EN&target_lang=ES", **form)
        vllm = await call(port, "/v1/translations", {"input": "a", "source_language": "en", "target_language": "es"})
    assert deepl == typed
    assert deepl[0] == 200
    assert [each["detected_source_language"] for each in deepl[1]["translations"]] == ["EN", "EN"]
    assert vllm[1]["text"] == deepl[1]["translations"][0]["text"]


async def test_a_clip_becomes_text_subtitles_or_speech() -> None:
    where = "source_lang=en"
    async with edge_port() as port:
        _, told = await call(port, f"/v1/transcribe?{where}", wav())
        _, srt = await call(port, f"/v1/transcribe?{where}&format=srt", wav())
        _, speech = await call(port, f"/v1/translate-audio?{where}&target_lang=es&format=wav", wav())
    assert told["text"]
    assert told["duration_ms"] == 3000
    assert srt.startswith(b"1\n00:00:0")
    with wave.open(io.BytesIO(speech)) as reading:
        assert reading.getnframes() / reading.getframerate() > 0.5


async def test_a_clip_is_translated_with_its_transcript_beside() -> None:
    where = "source_lang=en"
    async with edge_port() as port:
        _, vtt = await call(port, f"/v1/translate-audio?{where}&target_lang=es&format=vtt", wav())
        _, into = await call(port, f"/v1/translate-audio?{where}&target_lang=es", wav())
    assert vtt.startswith(b"WEBVTT\n\n00:00:0")
    assert into["transcript"]
    assert into["text"] != into["transcript"]


@pytest.mark.parametrize(("form", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac")])
async def test_a_clip_may_have_any_format_that_is_common(form: str, codec: str) -> None:
    async with edge_port() as port:
        status, told = await call(port, "/v1/transcribe?source_lang=en", encoded(form, codec))
    assert status == 200
    assert told["text"]


async def test_a_clip_may_come_as_a_form() -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    field = b'\r\n--x\r\nContent-Disposition: form-data; name="source_lang"\r\n\r\nen\r\n--x--\r\n'
    async with edge_port() as port:
        status, told = await call(
            port, "/v1/transcribe", head + wav() + field, **{"Content-Type": "multipart/form-data; boundary=x"}
        )
    assert status == 200, told
    assert told["text"]


BAD: list[tuple[str, Any, int, str, str]] = [
    ("/v1/translate", b"{", 400, "UNREADABLE_MESSAGE", ""),
    ("/v1/translate", b"\xff", 400, "UNREADABLE_MESSAGE", "body"),
    ("/v1/translate", [], 400, "WRONG_TYPE", ""),
    ("/v1/translate", {"text": "a", "target_lang": "es"}, 400, "LANGUAGE_MISSING", "source_lang"),
    (
        "/v1/translate",
        {"text": "a", "source_lang": "en", "target_lang": "xx"},
        400,
        "UNKNOWN_LANGUAGE",
        "target_langs[0]",
    ),
    ("/v1/translate", {"text": 5, "source_lang": "en", "target_lang": "es"}, 400, "WRONG_TYPE", "text"),
    ("/v1/translate", {"text": "a", "source_lang": "en", "target_lang": "es", "x": 1}, 400, "UNKNOWN_FIELD", "x"),
    (
        "/v1/translate",
        {"text": "a", "source_lang": "en", "target_lang": "es", "formality": "odd"},
        400,
        "UNKNOWN_VALUE",
        "formality",
    ),
    (
        "/v1/translate",
        {"text": "a", "source_lang": "en", "target_lang": "es", "dictionary": {"a": 1}},
        400,
        "WRONG_TYPE",
        "dictionary.a",
    ),
    ("/v2/translate", {"text": [], "source_lang": "en", "target_lang": "es"}, 400, "TEXT_COUNT", "text"),
    (
        "/v2/translate",
        {"text": "a", "source_lang": "en", "target_lang": "es", "formality": "more"},
        501,
        "NO_FORMALITY",
        "formality",
    ),
    ("/v2/translate", {"text": "a", "target_lang": "es"}, 400, "LANGUAGE_MISSING", "source_lang"),
    ("/v1/transcribe", b"x", 400, "LANGUAGE_MISSING", "source_lang"),
    ("/v1/transcribe?source_lang=en", b"x" * 100, 400, "AUDIO_UNREADABLE", "body"),
    ("/v1/transcribe?source_lang=en", b"", 400, "EMPTY_AUDIO", "body"),
    ("/v1/transcribe?source_lang=en&format=pdf", b"x", 400, "UNKNOWN_FORMAT", "format"),
    ("/v1/transcribe?source_lang=en&colour=red", b"x", 400, "UNKNOWN_PARAMETER", "colour"),
    ("/v1/translate-audio?source_lang=en&target_lang=xx", wav(), 400, "UNKNOWN_LANGUAGE", "target_lang"),
    ("/nowhere", b"", 404, "NOT_FOUND", ""),
    ("/healthz", b"", 405, "METHOD_NOT_ALLOWED", ""),
]


async def test_a_request_that_cannot_be_answered_is_refused_by_name() -> None:
    wrong = []
    async with edge_port() as port:
        for path, body, status, code, field in BAD:
            got, problem = await call(port, path, body)
            helpful = bool(problem.get("accepted")) or not field
            if (got, problem["title"], problem.get("field", ""), helpful) != (status, code, field, True):
                wrong.append((path, code, got, problem))
    assert not wrong


async def test_a_body_and_a_clip_may_be_only_so_long_and_requests_only_so_many() -> None:
    limits = {"max_body_bytes": 65_536, "max_clip_seconds": 1}
    async with edge_port(limits) as port:
        assert (await call(port, "/v1/translate", b"x" * 70_000))[1]["title"] == "BODY_TOO_LARGE"
        assert (await call(port, "/v1/transcribe?source_lang=en", wav(bytes(48_000))))[1]["title"] == "CLIP_TOO_LONG"
    async with edge_port({"requests_per_second": 0.1}) as port:
        assert (await call(port, "/v1/languages"))[0] == 200
        status, problem = await call(port, "/v1/languages")
    assert (status, problem["title"]) == (429, "TOO_MANY_REQUESTS")


async def test_languages_health_and_documents_are_served() -> None:
    async with edge_port() as port:
        _, languages = await call(port, "/v1/languages")
        assert await call(port, "/healthz") == (200, {"status": "SERVING"})
        _, described = await call(port, "/openapi.json")
    assert "en-US" in languages["source_langs"]
    assert "/v1/translate" in described["paths"]


async def test_a_gateway_that_is_away_is_a_problem_that_passes() -> None:
    async with edge("127.0.0.1:9") as servicer:
        status, problem = await call(
            servicer.port, "/v1/translate", {"text": "a", "source_lang": "en", "target_lang": "es"}
        )
    assert (status, problem["title"]) == (503, "GATEWAY_UNAVAILABLE")
