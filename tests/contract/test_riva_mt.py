"""The Riva translator, against what Riva servers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from services.common.errors import AtCapacity, InvalidArgument, MeshError, StageFailed
from services.common.text.terminology import Term, uses
from services.mt.engine import Pair, Source
from services.mt.engines.riva.engine import Engine
from services.mt.settings import MtSettings
from tests.contract.fake_riva import Riva, serving

PAIR = Pair("en", "es")
TERMS = (Term("fox", "raposa"), Term("Babelmesh"), Term("lazy dog", "perro flojo"))
TEXT = "The fox of Babelmesh jumps over the lazy dog."


@asynccontextmanager
async def engine_on(riva: Riva, **settings: Any) -> AsyncIterator[Engine]:
    async with serving(riva) as endpoint:
        engine = Engine(MtSettings.model_validate({"riva": {"endpoint": endpoint, **settings}}))
        try:
            await engine.start()
            yield engine
        finally:
            await engine.stop()


async def test_pairs_are_those_of_text_models_asked_for_as_riva_calls_them() -> None:
    riva = Riva(pairs=(("en", "es-us"), ("ES-US", "en")))
    async with engine_on(riva) as engine:
        assert set(engine.pairs) == {Pair("en", "es-US"), Pair("es-US", "en")}
        assert engine.version == "megatron"
        await engine.translate(Source("hello", Pair("en", "es-US")))
    (request,) = riva.requests
    assert (request.model, request.source_language, request.target_language) == ("megatron", "en", "ES-US")


async def test_terms_are_do_not_translate_phrases_each_in_an_element_of_its_own() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        answer = await engine.translate(Source(TEXT, PAIR, terms=TERMS))
    (request,) = riva.requests
    assert list(request.dnt_phrases) == ["fox##raposa", "Babelmesh", "lazy dog##perro flojo"]
    assert answer.text == "Thees raposa ofes Babelmesh jumpses overes thees perro flojo."


async def test_a_phrase_is_written_as_it_stands_in_the_text() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        answer = await engine.translate(Source("WIZARD and Wizards", PAIR, terms=(Term("wizard", "mago"),)))
    assert list(riva.requests[0].dnt_phrases) == ["WIZARD##mago", "Wizards##mago"]
    assert answer.text == "mago andes mago"


@pytest.mark.parametrize("honours", ["kept", "##"])
async def test_terms_that_riva_does_not_honour_travel_as_other_words(honours: str) -> None:
    terms = (Term("fox", "raposa, la"), Term("box##er"), Term("dog", "perro"))
    riva = Riva(honours=honours)
    async with engine_on(riva) as engine:
        source = Source("The fox, the box##er and the dog.", PAIR, terms=terms)
        answer = await engine.translate(source)
    assert len(riva.requests) == 2
    assert list(riva.requests[0].dnt_phrases) == ["dog##perro"]  # the others would be taken for two
    assert all(use.honoured for use in uses(source.text, answer.text, terms))


async def test_a_server_that_honours_no_phrase_is_not_asked_for_ever() -> None:
    riva = Riva(honours="")
    async with engine_on(riva) as engine:
        answer = await engine.translate(Source(TEXT, PAIR, terms=TERMS))
    assert len(riva.requests) == 2
    assert answer.text.startswith("ehTes xofes")  # whoever asked sees that the terms are not in it


async def test_what_riva_takes_for_markup_is_no_markup_of_a_users() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        await engine.translate(Source("keep <dnt>this</dnt>", PAIR))
    assert "dnt" not in riva.requests[0].texts[0]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, AtCapacity),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidArgument),
        (grpc.StatusCode.UNAVAILABLE, StageFailed),
        (grpc.StatusCode.INTERNAL, StageFailed),
        (grpc.StatusCode.UNIMPLEMENTED, StageFailed),
        (grpc.StatusCode.PERMISSION_DENIED, StageFailed),
    ],
)
async def test_a_failed_call_is_a_fault_of_ours_without_the_servers_words(
    code: grpc.StatusCode, kind: type[MeshError]
) -> None:
    riva = Riva(refuses=code)
    async with engine_on(riva) as engine:
        with pytest.raises(kind) as raised:
            await engine.translate(Source("hello", PAIR))
        assert "the words of a user" not in str(raised.value)
        riva.refuses = None
        assert (await engine.translate(Source("hello", PAIR))).text == "helloes"


async def test_a_slow_server_fails_the_call_in_time() -> None:
    async with engine_on(Riva(hangs=True), reply_seconds=0.2) as engine:
        async with asyncio.timeout(engine.patience_seconds):
            with pytest.raises(StageFailed, match="in time"):
                await engine.translate(Source("hello", PAIR))


async def test_a_cancelled_call_ends_on_the_server() -> None:
    riva = Riva(hangs=True)
    async with engine_on(riva) as engine, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(engine.translate(Source("hello", PAIR)))
        async with asyncio.timeout(60):
            await riva.asked.wait()
            call.cancel()
            await riva.quit.wait()
