"""Glossaries through the whole mesh: given, kept, changed while the session runs, and reported."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import InvalidArgument
from tests.mesh.mesh import Heard, control, gateway, hello, read_into, talk, text


def term(source: str, sounds: dict[str, str] | None = None, **translations: str) -> pb.GlossaryTerm:
    return pb.GlossaryTerm(source=source, translations=translations, pronunciations=sounds or {})


def glossary(*terms: pb.GlossaryTerm, **fields: Any) -> pb.Glossary:
    return pb.Glossary(terms=terms, **fields)


VOICEMAIL = term("voicemail", es="buz\u00f3n de voz")


@pytest.fixture
async def stub() -> AsyncIterator[pb_grpc.RealtimeTranslateAsyncStub]:
    async with gateway() as client:
        yield client


def finals(heard: Heard, lang: str) -> list[pb.TranslationResult]:
    return [each for each in heard.of("translation") if each.final and each.target_lang == lang]


async def test_terms_are_honoured_and_reported(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    asked = glossary(VOICEMAIL, term("Asterisk"))
    heard = await talk(
        stub, hello("es", "fr", glossary=asked), text("asterisk has voicemail", final=True), text("hello", final=True)
    )
    assert heard.fault is None
    assert heard.finals("es") == ["Asterisk has-es buz\u00f3n de voz", "hello-es"]
    assert heard.finals("fr") == ["Asterisk has-fr voicemail", "hello-fr"]
    (first, second) = finals(heard, "es")
    assert [(use.source, use.required, use.occurrences, use.honoured) for use in first.glossary] == [
        ("Asterisk", "Asterisk", 1, True),
        ("voicemail", "buz\u00f3n de voz", 1, True),
    ]
    assert not second.glossary
    (ready,) = heard.of("ready")
    assert ready.config.glossary.terms == asked.terms
    assert first.glossary_version == second.glossary_version == ready.config.glossary.version != ""


async def test_interim_results_use_the_same_terms(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    words = ["the", "voicemail", "of", "the", "big", "red", "company"]
    chunks = [text(f"{word} ") for word in words]
    heard = await talk(stub, hello("es", glossary=glossary(VOICEMAIL)), *chunks, text(".", final=True))
    (final,) = heard.finals("es")
    assert "buz\u00f3n de voz" in final
    for each in heard.of("translation"):
        assert final.startswith(each.text[: each.stable_length])
        assert "voicemail-es" not in each.text


async def test_without_a_glossary_nothing_is_reported(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    heard = await talk(stub, hello("es"), text("voicemail", final=True))
    (final,) = finals(heard, "es")
    assert (final.text, list(final.glossary), final.glossary_version) == ("voicemail-es", [], "")


async def live(stub: pb_grpc.RealtimeTranslateAsyncStub, *steps: pb.ClientMessage, first: pb.ClientMessage) -> Heard:
    """Sends each step once the one before has been dealt with."""
    heard = Heard()
    call: Any = stub.Stream()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        await call.write(first)
        for number, step in enumerate(steps, start=1):
            await call.write(step)
            await call.write(control("ping", marker=str(number)))
            await heard.until("marker", number)
        await call.done_writing()
    return heard


async def test_a_new_dictionary_counts_from_the_next_translation_on(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    heard = await live(
        stub,
        text("voicemail", final=True),
        control("set_dictionary", glossary=glossary(term("voicemail", es="contestador"))),
        text("voicemail", final=True),
        control("set_dictionary", glossary=glossary()),
        text("voicemail", final=True),
        first=hello("es", glossary=glossary(VOICEMAIL)),
    )
    assert heard.fault is None
    assert heard.finals("es") == ["buz\u00f3n de voz", "contestador", "voicemail-es"]
    one, two, three = [each.glossary_version for each in finals(heard, "es")]
    assert one != two != three == ""


async def test_a_bad_dictionary_is_refused_whole_and_the_session_goes_on(
    stub: pb_grpc.RealtimeTranslateAsyncStub,
) -> None:
    bad = glossary(term("voicemail", es="contestador"), term("hello", tlh="nuqneH"))
    heard = await live(
        stub,
        control("set_dictionary", glossary=bad),
        text("voicemail", final=True),
        first=hello("es", glossary=glossary(VOICEMAIL)),
    )
    assert heard.fault is None
    (error,) = heard.of("error")
    assert (error.code, error.field, error.fatal) == (
        "UNKNOWN_LANGUAGE",
        "control.glossary.terms[1].translations[tlh]",
        False,
    )
    assert "es" in error.accepted
    assert heard.finals("es") == ["buz\u00f3n de voz"]


@pytest.mark.parametrize(("required", "honoured"), [("contestador", False), ("buz\u00f3n de voz", True)])
async def test_what_was_concluded_before_a_swap_stands_and_words_it_has_none_for_are_said_behind_it(
    stub: pb_grpc.RealtimeTranslateAsyncStub, required: str, honoured: bool
) -> None:
    heard = await live(
        stub,
        text("voicemail is here and there "),
        text("and everywhere and so on "),
        control("set_dictionary", glossary=glossary(term("voicemail", es=required))),
        text("at last", final=True),
        first=hello("es", stabilization=pb.STABILIZATION_FAST),
    )
    (final,) = finals(heard, "es")
    assert final.text.startswith("voicemail-es ")
    assert final.retranslation.startswith(f"{required} is-es ")
    assert [(use.source, use.honoured) for use in final.glossary] == [("voicemail", honoured)]


async def test_pronunciations_reach_the_voice(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    sounds = term("voicemail", {"es": "bo"}, es="buz\u00f3n de voz")
    said = text("voicemail", final=True)
    plain = await talk(stub, hello("es", glossary=glossary(VOICEMAIL)), said)
    short = await talk(stub, hello("es", glossary=glossary(sounds)), said)
    length, shorter = (sum(len(each.data) for each in heard.speech("es")) for heard in (plain, short))
    assert 0 < shorter < length / 3
    assert short.speech("es")[0].text == "buz\u00f3n de voz"


BAD: dict[str, tuple[pb.Glossary, str, str]] = {
    "no term": (glossary(VOICEMAIL, term(" ")), "TERM_LENGTH", ".terms[1].source"),
    "signs alone": (glossary(term("?!")), "TERM_LENGTH", ".terms[0].source"),
    "a control character": (glossary(term("a\0b")), "TERM_LENGTH", ".terms[0].source"),
    "a term too long": (glossary(term("x" * 101)), "TERM_LENGTH", ".terms[0].source"),
    "an empty translation": (glossary(term("a", es="")), "TERM_LENGTH", ".terms[0].translations[es]"),
    "a term twice": (glossary(term("Hello"), term("x"), term("hello")), "TERM_REPEATED", ".terms[2].source"),
    "a language twice": (
        glossary(pb.GlossaryTerm(source="a", translations={"es": "b", "ES": "c"})),
        "TERM_REPEATED",
        ".terms[0].translations[es]",
    ),
    "a language nobody has": (glossary(term("a", tlh="b")), "UNKNOWN_LANGUAGE", ".terms[0].translations[tlh]"),
    "a voice nobody has": (glossary(term("a", {"tlh": "b"})), "UNKNOWN_LANGUAGE", ".terms[0].pronunciations[tlh]"),
    "no IPA": (glossary(term("a", {"es": "b\u0298"})), "UNKNOWN_SYMBOL", ".terms[0].pronunciations[es]"),
    "no sound": (glossary(term("a", {"es": "'"})), "UNKNOWN_SYMBOL", ".terms[0].pronunciations[es]"),
    "too many terms": (glossary(*[term(f"t{n}") for n in range(501)]), "GLOSSARY_SIZE", ".terms"),
    "a name nobody keeps": (glossary(name="../secret"), "UNKNOWN_GLOSSARY", ".name"),
    "another version": (glossary(VOICEMAIL, version="0"), "GLOSSARY_VERSION", ".version"),
}


@pytest.mark.parametrize(("bad", "code", "field"), BAD.values(), ids=BAD)
async def test_a_bad_glossary_is_refused_whole_by_the_name_of_the_field(
    stub: pb_grpc.RealtimeTranslateAsyncStub, bad: pb.Glossary, code: str, field: str
) -> None:
    heard = await talk(stub, hello("es", glossary=bad), text("voicemail", final=True))
    assert len(heard.messages) == 1
    assert (heard.error().code, heard.error().field) == (code, f"hello.glossary{field}")
    assert heard.error().accepted
    assert isinstance(heard.fault, InvalidArgument)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.TranslateText(
            pb.TranslateTextRequest(text="x", source_lang="en", target_langs=["es"], glossary=bad), timeout=60
        )
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"glossary{field}" in (refused.value.details() or "")


async def test_a_text_without_a_session_is_translated_by_a_glossary(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    request = pb.TranslateTextRequest(
        text="Voicemail for you", source_lang="en", target_langs=["es", "fr"], glossary=glossary(VOICEMAIL)
    )
    spanish, french = (await stub.TranslateText(request)).translations
    assert (spanish.text, french.text) == ("Buz\u00f3n de voz for-es you-es", "voicemail for-fr you-fr")
    assert spanish.glossary[0].honoured
    assert spanish.glossary_version == french.glossary_version != ""


def keep(folder: Path, name: str, *terms: dict[str, Any]) -> None:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"terms": list(terms)}))


async def test_kept_glossaries_are_listed_read_anew_and_overridden(tmp_path: Path) -> None:
    keep(tmp_path, "phones", {"source": "voicemail", "translations": {"es": "contestador"}}, {"source": "Asterisk"})
    async with gateway(glossaries=tmp_path) as stub:
        said = text("asterisk voicemail", final=True)
        assert list((await stub.Describe(pb.DescribeRequest())).glossaries) == ["phones"]
        kept = await talk(stub, hello("es", glossary=glossary(name="phones")), said)
        own = await talk(stub, hello("es", glossary=glossary(VOICEMAIL, name="phones")), said)
        keep(tmp_path, "phones", {"source": "voicemail", "translations": {"es": "mensajes"}})
        os.utime(tmp_path / "phones.json", ns=(1, 1))
        changed = await talk(stub, hello("es", glossary=glossary(name="phones")), said)
        unknown = await talk(stub, hello("es", glossary=glossary(name="nothing")), said)
    assert kept.finals("es") == ["Asterisk contestador"]
    assert own.finals("es") == ["Asterisk buz\u00f3n de voz"]
    assert changed.finals("es") == ["asterisk-es mensajes"]
    assert list(unknown.error().accepted) == ["phones"]
    (ready,) = own.of("ready")
    assert (ready.config.glossary.name, len(ready.config.glossary.terms)) == ("phones", 2)


async def test_a_kept_glossary_in_a_tenants_folder_is_that_tenants_alone(tmp_path: Path) -> None:
    keep(tmp_path, "phones", {"source": "voicemail", "translations": {"es": "contestador"}})
    for tenant, word in (("ours", "mensajes"), ("theirs", "secreto")):
        (tmp_path / tenant).mkdir()
        keep(tmp_path / tenant, "phones", {"source": "voicemail", "translations": {"es": word}})
        keep(tmp_path / tenant, tenant, {"source": "voicemail"})
    async with gateway(glossaries=tmp_path, tenant_metadata="x-tenant") as stub:
        listed = {
            tenant: list((await stub.Describe(pb.DescribeRequest(), metadata=(("x-tenant", tenant),))).glossaries)
            for tenant in ("ours", "", "../theirs", "theirs/.", "nobody")
        }
        assert listed.pop("ours") == ["ours", "phones"]
        assert set(map(tuple, listed.values())) == {("phones",)}
        request = pb.TranslateTextRequest(
            text="voicemail", source_lang="en", target_langs=["es"], glossary=glossary(name="phones")
        )
        answered = await stub.TranslateText(request, metadata=(("x-tenant", "ours"),))
        assert answered.translations[0].text == "mensajes"
        refused = await talk(stub, hello("es", glossary=glossary(name="theirs")), text("voicemail", final=True))
    assert refused.error().code == "UNKNOWN_GLOSSARY"


async def test_a_byte_order_mark_is_dropped_from_kept_glossaries_and_from_text(tmp_path: Path) -> None:
    content = {"terms": [{"source": "voicemail", "translations": {"es": "contestador"}}]}
    (tmp_path / "phones.json").write_text(json.dumps(content), encoding="utf-8-sig")
    async with gateway(glossaries=tmp_path) as stub:
        heard = await talk(stub, hello("es", glossary=glossary(name="phones")), text("\ufeffvoicemail", final=True))
        answered = await stub.TranslateText(
            pb.TranslateTextRequest(text="\ufeffone", source_lang="en", target_langs=["es"])
        )
    assert (heard.transcripts(), heard.finals("es")) == (["voicemail"], ["contestador"])
    assert "\ufeff" not in answered.translations[0].text


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"terms": [{"soruce": "x"}]}',
        '{"terms": [{"source": ""}]}',
        '{"terms": [{"source": "a", "translations": {"tlh": "b"}}]}',
        '{"name": "other"}',
    ],
)
async def test_a_broken_kept_glossary_is_told_to_who_asks_and_logged_by_its_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / "broken.json").write_text(content)
    keep(tmp_path, "phones")
    async with gateway(glossaries=tmp_path) as stub:
        heard = await talk(stub, hello("es", glossary=glossary(name="broken")))
        fine = await talk(stub, hello("es", glossary=glossary(name="phones")))
    assert fine.fault is None
    error = heard.error()
    assert (error.code, error.field, list(error.accepted)) == ("GLOSSARY_UNUSABLE", "hello.glossary.name", ["phones"])
    (logged,) = [record for record in caplog.records if record.message == "glossary unusable"]
    assert logged.__dict__["fields"]["file"] == "broken.json"


async def test_it_tells_which_engines_follow_a_glossary(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    told = await stub.Describe(pb.DescribeRequest())
    assert {engine.stage: engine.follows_glossary for engine in told.engines} == {
        pb.STAGE_ASR: False,
        pb.STAGE_MT: True,
        pb.STAGE_TTS: True,
    }
    assert (told.limits.max_glossary_terms, told.limits.max_term_length) == (500, 100)
