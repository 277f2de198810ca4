"""What is more than a message may hold, or comes too often, or is no message: refused by name, before it costs work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument
from services.common.statuses import from_rpc_error
from tests.mesh.mesh import control, gateway, gateway_address, hello, talk, text

if TYPE_CHECKING:
    from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc  # its stub for asyncio exists for types only

Stub: TypeAlias = "pb_grpc.RealtimeTranslateAsyncStub"


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with gateway() as client:
        yield client


BOMB = bytes(40 * 1024 * 1024)

# Rpcs with a request, at both doors: the fault is the caller's, and no line of a log.
CLIENTS = [
    "/realtime.v1.RealtimeTranslate/TranslateText",
    "/realtime.v1.RealtimeTranslate/Describe",
    "/grpc.health.v1.Health/Check",
]
OPERATORS = [
    "/mesh.overview.v1.Overview/Watch",
    "/externalscaler.ExternalScaler/GetMetrics",
    "/mesh.stage.v1.Stage/Watch",
    "/mesh.fault.v1.Fault/SimulateFault",
]


@pytest.mark.parametrize("method", [*CLIENTS, *OPERATORS])
async def test_bytes_that_are_no_message_are_the_callers_fault(method: str) -> None:
    async with (
        gateway_address() as address,
        grpc.aio.insecure_channel(address.operators if method in OPERATORS else address) as channel,
    ):
        call: Any = channel.unary_unary(method)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\xff\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert from_rpc_error(refused.value, "").code == "UNREADABLE_MESSAGE"


async def test_a_message_that_unpacks_to_more_than_is_let_in_is_refused_and_the_next_is_served() -> None:
    async with gateway_address() as address, grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/realtime.v1.RealtimeTranslate/TranslateText")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(BOMB, compression=grpc.Compression.Gzip)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        request = pb.TranslateTextRequest(text="one two", source_lang="en", target_langs=["es"])
        answer = await call(request.SerializeToString(), compression=grpc.Compression.Gzip)
        assert pb.TranslateTextResponse.FromString(answer).translations


LONG = "es-" + "-".join(["abcdefgh"] * 2000)
TERMS_OF_MANY_TAGS = [pb.GlossaryTerm(source="foo", translations={f"es-x-{number:08d}": "b" for number in range(65)})]
TERM_OF_MANY_PARTS = [pb.GlossaryTerm(source="a " * 49 + "z")]
LARGE = [pb.GlossaryTerm(source=f"{number:06d}", translations={"es": "x" * 100}) for number in range(500)]

TOO_MUCH: dict[str, tuple[pb.SessionConfig, str, str]] = {
    "a tag of 2000 subtags": (pb.SessionConfig(source_lang=LONG), "UNKNOWN_LANGUAGE", "hello.source_lang"),
    "a tag of a megabyte": (pb.SessionConfig(source_lang="a" * 10**6), "MESSAGE_TOO_LARGE", "hello"),
    "a long target": (
        pb.SessionConfig(source_lang="en", targets=[pb.Target(lang=LONG)]),
        "UNKNOWN_LANGUAGE",
        "hello.targets[0].lang",
    ),
    "a term in many languages": (
        pb.SessionConfig(glossary=pb.Glossary(terms=TERMS_OF_MANY_TAGS)),
        "GLOSSARY_LANGUAGES",
        "hello.glossary.terms[0].translations",
    ),
    "a term of many parts": (
        pb.SessionConfig(
            source_lang="en", targets=[pb.Target(lang="es")], glossary=pb.Glossary(terms=TERM_OF_MANY_PARTS)
        ),
        "TERM_LENGTH",
        "hello.glossary.terms[0].source",
    ),
    "a long tag in a glossary": (
        pb.SessionConfig(
            source_lang="en",
            targets=[pb.Target(lang="es")],
            glossary=pb.Glossary(terms=[pb.GlossaryTerm(source="foo", translations={"es-" + "x" * 90: "bar"})]),
        ),
        "UNKNOWN_LANGUAGE",
        "hello.glossary.terms[0].translations",
    ),
    "an unknown kept glossary": (
        pb.SessionConfig(
            source_lang="en", targets=[pb.Target(lang="es")], glossary=pb.Glossary(name="../" * 3000 + "passwd")
        ),
        "UNKNOWN_GLOSSARY",
        "hello.glossary.name",
    ),
    "a large glossary": (
        pb.SessionConfig(source_lang="en", glossary=pb.Glossary(terms=LARGE * 5)),
        "GLOSSARY_SIZE",
        "hello.glossary",
    ),
}


@pytest.mark.parametrize(("config", "code", "field"), TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_is_too_much_is_refused_by_name_in_a_status_that_arrives_whole(
    stub: Stub, config: pb.SessionConfig, code: str, field: str
) -> None:
    heard = await talk(stub, pb.ClientMessage(hello=config))
    error = heard.error()
    assert (error.code, error.field, bool(error.accepted)) == (code, field, True)
    assert isinstance(heard.fault, InvalidArgument)
    assert heard.fault.code == code
    assert len(heard.error().message) < 400


async def test_controls_that_cost_work_are_refused_when_they_come_too_often_and_the_session_goes_on(
    stub: Stub,
) -> None:
    swaps = [control("set_dictionary", glossary=pb.Glossary(terms=[pb.GlossaryTerm(source="one")]))] * 30
    heard = await talk(stub, hello("es"), *swaps, text("one two", final=True))
    refused = [each.error for each in heard.messages if each.WhichOneof("payload") == "error"]
    assert {(each.code, each.field, each.fatal) for each in refused} == {("CONTROL_TOO_OFTEN", "control.action", False)}
    assert all(each.retry_after_ms > 0 and "20 at once" in each.accepted[0] for each in refused)
    assert len(heard.finals("es")) == 1
    assert heard.fault is None


async def test_a_client_that_goes_on_asking_is_ended_by_name(stub: Stub) -> None:
    heard = await talk(stub, hello("es"), *[control("interrupt")] * 200)
    assert isinstance(heard.fault, AtCapacity)
    assert heard.fault.code == "CONTROL_TOO_OFTEN"
