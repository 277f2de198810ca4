"""Languages that are recognized, and not translated into all others, or into none."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import UTTERANCE, chunks, gateway, hello, talk

RUSSIAN = {"languages": ["en-US", "ru"]}  # the scripted translator knows English alone


async def test_speech_that_cannot_be_translated_is_captioned() -> None:
    target = pb.Target(lang="ru", same_language=pb.SAME_LANGUAGE_PASS_THROUGH)
    async with gateway(asr=RUSSIAN) as stub:
        heard = await talk(stub, hello(target, source_lang="ru"), *chunks(UTTERANCE))
    assert heard.fault is None
    assert len(heard.transcripts()) == 1
    assert heard.finals("ru") == heard.transcripts()


async def test_who_asks_for_its_translation_is_told_that_it_is_only_recognized() -> None:
    async with gateway(asr=RUSSIAN) as stub:
        heard = await talk(stub, hello("es", source_lang="ru"), *chunks(UTTERANCE))
    assert (heard.error().code, heard.error().field) == ("UNKNOWN_LANGUAGE", "hello.targets[0].lang")
    assert "'ru' is recognized, and not translated" in heard.error().message


async def test_a_target_without_a_way_is_refused_with_those_there_are() -> None:
    async with gateway(mt={"targets": ["es", "pt"]}) as stub:
        heard = await talk(stub, hello("es", "de"), *chunks(UTTERANCE))
    assert heard.error().field == "hello.targets[1].lang"
    assert "no way from 'en-US' into 'de'" in heard.error().message
    assert list(heard.error().accepted) == ["es", "pt"]
