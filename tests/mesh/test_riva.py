"""A whole mesh whose three stages are served by one Riva server."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import from_bytes
from tests.contract.fake_riva import SCRIPT, Riva, serving
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, chunks, gateway, hello, talk


def on(endpoint: str, **riva: Any) -> dict[str, Any]:
    """Settings of all stages."""
    return {"engine": "riva", "riva": {"endpoint": endpoint, **riva}}


async def test_a_session_on_riva_has_captions_and_speech() -> None:
    riva = Riva()
    async with serving(riva) as endpoint, gateway(stages=on(endpoint)) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE * 2))
    check(heard)
    assert heard.fault is None
    assert len(heard.transcripts()) == 2
    for transcript, translation in zip(heard.transcripts(), heard.finals("es"), strict=True):
        words = transcript.rstrip(".").lower().split()
        assert words == list(SCRIPT[: len(words)])
        assert translation.lower() == " ".join(f"{word}es" for word in words) + "."
    assert [result for result in heard.of("asr") if not result.final]
    said = " ".join(chunk.text for chunk in heard.speech("es") if chunk.text)
    assert said == " ".join(heard.finals("es"))
    pcm = from_bytes(b"".join(chunk.data for chunk in heard.speech("es")))
    assert int(abs(pcm.astype(int)).max()) > 1_000
    assert riva.running == 0


async def test_a_glossary_reaches_riva_as_phrases_to_replace_and_a_dictionary_of_sounds() -> None:
    riva = Riva()
    term = pb.GlossaryTerm(
        source="brown fox", translations={"es": "raposa parda"}, pronunciations={"es": "ra\u02c8posa \u02c8parda"}
    )
    async with serving(riva) as endpoint, gateway(stages=on(endpoint)) as stub:
        heard = await talk(stub, hello("es", glossary=pb.Glossary(terms=[term])), *chunks(UTTERANCE))
    assert heard.fault is None
    (final,) = [each for each in heard.of("translation") if each.final]
    assert "raposa parda" in final.text
    assert [use.honoured for use in final.glossary] == [True]
    phrases = {phrase for request in riva.requests for phrase in getattr(request, "dnt_phrases", ())}
    assert phrases == {"brown fox##raposa parda"}
    sounds = {getattr(request, "custom_dictionary", "") for request in riva.requests}
    assert "raposa  ra\u02c8posa,parda  \u02c8parda" in sounds


async def test_terms_of_the_glossary_are_boosted_phrases() -> None:
    riva = Riva()
    term = pb.GlossaryTerm(source="brown fox")
    async with serving(riva) as endpoint, gateway(stages=on(endpoint)) as stub:
        heard = await talk(stub, hello("es", glossary=pb.Glossary(terms=[term])), *chunks(UTTERANCE))
    assert heard.fault is None
    (request,) = [request for request in riva.requests if hasattr(request, "config")]
    assert [list(context.phrases) for context in request.config.speech_contexts] == [["brown fox"]]


async def test_a_session_goes_on_when_a_call_of_the_recognizer_breaks() -> None:
    riva = Riva(ends_after_words=3, ends_with=grpc.StatusCode.INTERNAL)

    async def mend() -> None:
        await riva.broke.wait()
        riva.ends_after_words = 0

    async with serving(riva) as endpoint, gateway(stages=on(endpoint)) as stub, asyncio.TaskGroup() as tasks:
        tasks.create_task(mend())
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE))
    assert heard.fault is None
    assert heard.transcripts()[0].rstrip(".").lower().split()[:6] == list(SCRIPT[:6])
