"""Several languages at one microphone: each utterance in its own, and its translations the other way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import Heard, chunks, gateway, hello, loud, quiet, read_into, talk, text
from tests.mesh.resuming import joined, lost_after, resumed, resuming

BOTH = ["en", "es"]
# It hears English in the first 5 s, then Spanish, and so on; whatever it takes for Spanish, it writes in its words.
SPOKEN: dict[str, Any] = {
    "spoken": ["en-US", "es-ES"],
    "texts": {"en-US": "please hold the line", "es-ES": "espere un momento por favor"},
}
TURNS = loud(3) + quiet(2) + loud(3) + quiet(2)


def shown(lang: str, **rest: Any) -> pb.Target:
    return pb.Target(lang=lang, same_language=pb.SAME_LANGUAGE_PASS_THROUGH, **rest)


async def dialogue(audio: bytes = TURNS, asr: dict[str, Any] | None = None, **config: Any) -> Heard:
    """What a client hears of a dialogue in English and Spanish."""
    wanted = {"source_lang": "", "source_langs": BOTH, **config}
    async with gateway(asr={**SPOKEN, **(asr or {})}, mt={"both_ways": True}) as stub:
        return await talk(stub, hello(*map(shown, BOTH), **wanted), *chunks(audio))


async def test_each_utterance_is_translated_the_other_way_and_spoken_in_that_language_alone() -> None:
    heard = await dialogue()
    finals = [each for each in heard.of("asr") if each.final]
    assert [(each.lang, round(each.lang_confidence, 2)) for each in finals] == [
        ("en-US", 0.99),
        ("es-ES", 0.99),
    ]
    english, spanish = heard.transcripts()
    assert english.lower().startswith("please hold")
    assert spanish.split()[1] in ("un", "espere", "momento", "por", "favor")
    to_spanish, passed = heard.finals("es")
    assert to_spanish.endswith("-es.")
    assert passed == spanish  # it passes through
    assert heard.finals("en")[0] == english
    assert heard.finals("en")[1].endswith("-en.")
    assert {each.segment_id for each in heard.speech("es")} == {1}
    assert {each.segment_id for each in heard.speech("en")} == {2}


async def test_what_may_be_in_another_language_is_shown_and_never_spoken() -> None:
    heard = await dialogue(asr={"share": 0.5})
    finals = [each for each in heard.of("asr") if each.final]
    assert [(each.lang, each.lang_unsure) for each in finals] == [("en-US", True), ("es-ES", True)]
    assert heard.finals("es")[0].endswith("-es.")  # captions go on
    assert heard.finals("en")[1].endswith("-en.")
    assert not heard.speech("es")
    assert not heard.speech("en")
    left = [less for flow in heard.of("flow") for less in flow.degraded if less.stage == pb.STAGE_TTS]
    assert {(less.reason, less.target_lang, less.segment_id) for less in left} == {
        (pb.DEGRADED_REASON_LANG_UNSURE, "es", 1),
        (pb.DEGRADED_REASON_LANG_UNSURE, "en", 2),
    }
    spoken = " ".join(less.text for less in left if less.target_lang == "es")
    assert spoken == heard.finals("es")[0]


async def test_nothing_is_concluded_or_translated_before_the_language_is_decided() -> None:
    heard = Heard()
    wanted = hello(*map(shown, BOTH), source_lang="", source_langs=BOTH)
    async with gateway(asr=SPOKEN, mt={"both_ways": True}) as stub:
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            for message in (wanted, *chunks(loud(3) + quiet(2) + loud(1))):
                await call.write(message)
            while not any(each.segment_id == 2 for each in heard.of("asr")):  # else what comes next replaces it
                heard.more.clear()
                await heard.more.wait()
            for message in chunks(loud(2) + quiet(2)):
                await call.write(message)
            await call.done_writing()
    kinds = [(each.WhichOneof("payload"), each) for each in heard.messages]
    wrong = [each.asr for kind, each in kinds if kind == "asr" and each.asr.segment_id == 2 and each.asr.lang_tentative]
    assert wrong
    assert {each.lang for each in wrong} == {"en-US"}  # the one before, for want of a better guess
    assert not any(each.stable_length or each.final for each in wrong)
    decided = next(
        index
        for index, (kind, each) in enumerate(kinds)
        if kind == "asr" and each.asr.segment_id == 2 and not each.asr.lang_tentative
    )
    made = [each.translation for kind, each in kinds if kind == "translation" and each.translation.segment_id == 2]
    assert min(each.source_revision for each in made) > max(each.revision for each in wrong)
    assert kinds[decided][1].asr.lang == "es-ES"


async def test_the_rooms_language_is_kept_where_the_recognizer_is_unsure() -> None:
    heard = await dialogue(asr={"sure_ms": 60_000}, source_langs=["es", "en"])
    finals = [each for each in heard.of("asr") if each.final]
    assert [each.lang for each in finals] == ["es-ES", "es-ES"]
    assert all(each.lang_confidence < 0.6 for each in finals)


async def test_whatever_is_spoken_may_be_left_to_the_server() -> None:
    heard = await dialogue(source_langs=[], source_lang="auto")
    (ready,) = heard.of("ready")
    assert (ready.config.source_lang, list(ready.config.source_langs)) == ("en-US", ["en-US", "es-ES"])
    assert [each.lang for each in heard.of("asr") if each.final] == ["en-US", "es-ES"]


async def test_ready_says_what_becomes_of_a_target_that_may_be_spoken() -> None:
    heard = await dialogue(b"")
    (ready,) = heard.of("ready")
    (english, spanish) = ready.config.targets
    assert (english.lang, english.voice, english.same_language) == ("en", "en-US-1", pb.SAME_LANGUAGE_PASS_THROUGH)
    assert (spanish.lang, spanish.voice) == ("es", "es-1")


async def test_a_glossary_is_followed_both_ways() -> None:
    terms = [pb.GlossaryTerm(source="line", translations={"es": "favor"}), pb.GlossaryTerm(source="hold")]
    heard = await dialogue(glossary=pb.Glossary(terms=terms))
    used = {
        (each.target_lang, each.segment_id): [(use.source, use.required, use.honoured) for use in each.glossary]
        for each in heard.of("translation")
        if each.final
    }
    assert ("line", "favor", True) in used["es", 1]
    assert ("hold", "hold", True) in used["es", 1]
    assert ("favor", "line", True) in used["en", 2]


async def test_typed_text_is_in_the_rooms_language() -> None:
    async with gateway(asr=SPOKEN, mt={"both_ways": True}) as stub:
        wanted = hello(*map(shown, BOTH), source_lang="", source_langs=["es", "en"])
        heard = await talk(stub, wanted, text("hola", final=True))
    assert heard.of("asr")[-1].lang == "es-ES"
    assert (heard.finals("en"), heard.finals("es")) == (["hola-en"], ["hola"])


async def test_a_session_in_one_language_names_it_in_every_transcript() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(1) + quiet(1)))
    assert {(each.lang, each.lang_confidence, each.lang_tentative) for each in heard.of("asr")} == {
        ("en-US", 0.0, False)
    }


async def test_describe_says_what_is_told_apart() -> None:
    async with gateway(asr=SPOKEN) as stub:
        assert (await stub.Describe(pb.DescribeRequest())).identified_langs == ["en-US", "es-ES"]
    async with gateway() as stub:
        assert not (await stub.Describe(pb.DescribeRequest())).identified_langs


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({"source_langs": ["en", "tlh"]}, "UNKNOWN_LANGUAGE", "hello.source_langs[1]"),
        ({"source_langs": ["en", "auto"]}, "UNKNOWN_LANGUAGE", "hello.source_langs[1]"),
        ({"source_langs": ["en", "en-GB"]}, "SOURCE_REPEATED", "hello.source_langs[1]"),
        ({"source_langs": ["en"] * 11}, "SOURCE_COUNT", "hello.source_langs"),
        ({"source_langs": BOTH, "source_lang": "es"}, "SOURCES_TWICE", "hello.source_lang"),
        ({"source_langs": BOTH, "targets": [pb.Target(lang="es")]}, "TARGET_IS_SOURCE", "hello.targets[0].lang"),
        ({"source_langs": BOTH, "targets": [shown("en"), shown("fr")]}, "UNKNOWN_LANGUAGE", "hello.targets[1].lang"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(config: dict[str, Any], code: str, field: str) -> None:
    heard = await dialogue(b"", **config)
    assert (heard.error().code, heard.error().field) == (code, field)
    assert heard.error().accepted


@pytest.mark.parametrize(
    ("config", "field"),
    [({"source_langs": BOTH}, "hello.source_langs[0]"), ({"source_lang": "auto"}, "hello.source_lang")],
)
async def test_engines_that_cannot_tell_languages_apart_say_so(config: dict[str, Any], field: str) -> None:
    async with gateway(mt={"both_ways": True}) as stub:
        heard = await talk(stub, hello(*map(shown, BOTH), **{"source_lang": "", **config}))
    assert (heard.error().code, heard.error().field) == ("NOT_IDENTIFIED", field)


@pytest.mark.parametrize("count", [8, 30, 57])
async def test_a_session_that_breaks_off_goes_on_in_the_languages_it_was_in(count: int) -> None:
    said = loud(2) + quiet(1) + loud(3) + quiet(1)
    wanted = hello(*map(shown, BOTH), source_lang="", source_langs=BOTH)
    texts = dict.fromkeys(("en-US", "es-ES"), "word")  # whichever call of it hears them
    async with gateway(asr={**SPOKEN, "spoken_ms": 3000, "texts": texts}, mt={"both_ways": True}) as stub:
        undisturbed = await talk(stub, wanted, *chunks(said))
        before = await lost_after(stub, count, wanted, chunks(said))
        after = await resumed(stub, resuming(wanted, before), said)
    assert after.fault is None
    heard = joined(before, after)
    for each in (undisturbed, heard):
        assert [asr.lang for asr in each.of("asr") if asr.final] == ["en-US", "es-ES"]
    assert [heard.finals(lang) for lang in BOTH] == [undisturbed.finals(lang) for lang in BOTH]


async def test_what_a_client_has_got_in_no_language_of_the_session_is_refused() -> None:
    async with gateway() as stub:
        before = await lost_after(stub, 12, hello("es"), chunks(loud(2)))
        again = resuming(hello("es"), before)
        again.hello.received.segments[0].transcript.lang = "tlh"
        refused = await talk(stub, again)
    field = "hello.received.segments[0].transcript.lang"
    assert (refused.error().code, refused.error().field) == ("RECEIVED_INCONSISTENT", field)
