"""Recorded speech through four real processes with real engines, as a client of the stream sees it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import grpc
import numpy as np
import pytest

from babelmesh.local import supervisor
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.contract.recordings import recording
from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, hello, quiet, talk
from tests.mesh.otlp import Receiver, reached, receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
pytest.importorskip("pocketsphinx")

# Words of each recording that any usable recognizer gets, and what they are in the other languages.
NO_SERVICE = {"en": ("number", "service", "again"), "es": ("número", "servicio"), "ca": ("número", "servei")}
# Debian 13 has no translator into Galician.
GALICIAN = {"gl": ("chamada", "liña")} if Path("/usr/share/apertium/modes/en-gl.mode").exists() else {}
NEXT_IN_LINE = {"en": ("call", "first", "line"), "es": ("llamada", "línea"), **GALICIAN}


async def test_recorded_speech_becomes_text_and_speech_in_three_languages_and_a_trace_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = supervisor.free_ports()
    async with receiver() as (received, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint)
        first, second = await two_sessions(ports, tmp_path)
    check_heard(first, NO_SERVICE)
    check_heard(second, NEXT_IN_LINE)
    for heard in (first, second):
        check_trace(received, heard)


async def two_sessions(ports: supervisor.Ports, logs: Path) -> tuple[Heard, Heard]:
    """Two speakers at once, through a mesh that has ended afterwards."""
    async with (
        supervisor.running(supervisor.mesh_services(ports), logs),
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.gateway}") as channel,
    ):
        stub = pb_grpc.RealtimeTranslateStub(channel)
        no_service = chunks(recording("ss-noservice").tobytes() + quiet(1))
        next_in_line = chunks(recording("queue-youarenext").tobytes() + quiet(1))
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(talk(stub, hello("es", "ca"), *no_service))
            second = tasks.create_task(talk(stub, hello("es", *GALICIAN), *next_in_line))
    return first.result(), second.result()


def check_heard(heard: Heard, expected: dict[str, tuple[str, ...]]) -> None:
    check(heard)
    assert heard.fault is None
    assert not heard.of("error")
    texts = {"en": heard.transcripts()} | {lang: heard.finals(lang) for lang in expected if lang != "en"}
    for lang, words in expected.items():
        assert set(words) <= set(" ".join(texts[lang]).lower().replace(".", " ").replace(",", " ").split()), texts[lang]
    for target in heard.of("ready")[0].config.targets:
        if target.delivery == pb.DELIVERY_CAPTIONS_AND_SPEECH:  # espeak-ng has no Galician voice, and ready says so
            check_audible(heard.speech(target.lang), heard.of("asr")[-1].end_ms / 1000)
    assert heard.speech("es")


def check_trace(received: Receiver, heard: Heard) -> None:
    """One tree from the session's span, over all four services, and no word of what was said in any of it."""
    own = heard.of("ready")[0].session_id
    (session,) = [span for span in received.named("session") if span.attributes["babelmesh.session_id"] == own]
    spans = [span for span in received.spans if span.trace_id == session.trace_id]
    assert {span.service for span in spans} == {f"babelmesh-{name}" for name in ("gateway", "asr", "mt", "tts")}
    assert {"segment", "asr.recognize", "mt.translate", "tts.synthesize"} <= {span.name for span in spans}
    assert reached(session.span_id, spans) == {span.span_id for span in spans}
    said = [text.lower().split() for text in heard.transcripts()]
    pairs = {" ".join(pair).encode() for words in said for pair in pairwise(words)}  # "service" alone is a span's, too
    assert pairs
    assert not [pair for pair in pairs if pair in received.received.lower()]


def check_audible(speech: list[pb.TtsChunk], source_seconds: float) -> None:
    """Neither silence nor noise at full scale, and about as long as what it says."""
    pcm = np.concatenate([np.frombuffer(chunk.data, dtype="<i2") for chunk in speech])
    level = np.sqrt(np.mean(np.square(pcm / 32768.0)))
    assert 0.01 < level < 0.5
    assert 0.5 < len(pcm) / speech[0].sample_rate / source_seconds < 2
