"""Calls with tokens and without them, at a gateway that asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import babelmesh
from bench.measuring.issuer import bearer, private, settings, token
from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.errors import MeshError
from services.common.statuses import from_rpc_error
from tests.mesh.mesh import Address, Heard, control, gateway_address, hello, read_into, text

TEXT = pb.TranslateTextRequest(text="good morning", source_lang="en", target_langs=["es"])
TERMS = pb.Glossary(terms=[pb.GlossaryTerm(source="morning", translations={"es": "mañana"})])


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[Address]:
    revoked = tmp_path / "revoked"
    revoked.write_text("# of last week\nstolen\n")
    told = settings(tmp_path, tokens_revoked=revoked, faults=True)
    async with gateway_address(stages={"faults": True}, **told) as served:
        yield served


async def talk(address: str, made: str, *messages: pb.ClientMessage) -> Heard:
    """Send the messages with a token, half-close, and hear all there is."""
    async with grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(made))
        try:
            for message in messages:
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.BaseError):
            pass
        await read_into(heard, call)
        return heard


async def refusal(call: Any) -> MeshError:
    """What a unary call, or the first read of a stream, is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (call.read() if hasattr(call, "read") else call)
    return from_rpc_error(refused.value, "GATEWAY")


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
async def test_a_session_opens_with_a_token_of_each_algorithm(address: Address, algorithm: str) -> None:
    heard = await talk(address, token(algorithm), hello("es"), text("good morning", final=True))
    assert heard.finals("es")
    assert heard.fault is None


async def test_a_session_without_a_token_is_refused_in_its_stream_and_by_its_status(address: Address) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream()
        await call.write(hello("es"))
        await call.done_writing()
        await read_into(heard, call)
        assert heard.error().code == "TOKEN_MISSING"
        assert heard.error().field == "authorization"
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_every_rpc_needs_its_scope(address: Address) -> None:
    bare = bearer(token(scope="operate"))
    async with grpc.aio.insecure_channel(address) as channel:
        stub = RealtimeTranslateStub(channel)
        for call in (stub.Describe(pb.DescribeRequest(), metadata=bare), stub.TranslateText(TEXT, metadata=bare)):
            assert (await refusal(call)).code == "SCOPE_MISSING"
            assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await talk(address, token(scope="translate describe"), hello("es"))).error().accepted == ["stream"]


async def test_operators_need_the_scope_and_machines_need_none(address: Address) -> None:
    fault = fault_pb2.SimulateFaultRequest(kind=fault_pb2.FAULT_KIND_FAIL_NEXT, stage="MT")
    async with grpc.aio.insecure_channel(address.operators) as channel:
        faults, overview = fault_pb2_grpc.FaultStub(channel), overview_pb2_grpc.OverviewStub(channel)
        assert (await refusal(faults.SimulateFault(fault))).code == "TOKEN_MISSING"
        assert (await refusal(faults.SimulateFault(fault, metadata=bearer(token())))).code == "SCOPE_MISSING"
        assert (await refusal(overview.Watch(overview_pb2.WatchRequest()))).code == "TOKEN_MISSING"
        await faults.SimulateFault(fault, metadata=bearer(token(scope="operate")))
        watched = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
        assert await watched.read() is not grpc.aio.EOF
        watched.cancel()


async def test_a_revoked_token_opens_nothing(address: Address) -> None:
    heard = await talk(address, token(jti="stolen"), hello("es"))
    assert heard.error().code == "TOKEN_REVOKED"


async def test_languages_and_voices_beyond_the_token_are_refused_by_their_field(address: Address) -> None:
    english_and_spanish = token(languages=["en", "es"], voices=["none of them"])
    other = await talk(address, token(languages=["en", "es"]), hello("es", "ca"))
    assert (other.error().code, other.error().field) == ("LANGUAGE_NOT_GRANTED", "hello.targets[1].lang")
    spoken = await talk(address, english_and_spanish, hello("es"))
    assert (spoken.error().code, spoken.error().field) == ("VOICE_NOT_GRANTED", "hello.targets[0].voice")
    captions = pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)
    later = await talk(
        address, english_and_spanish, hello(captions), control("set_target_lang", targets=[pb.Target(lang="ca")])
    )
    assert [(each.code, each.field) for each in later.of("error")] == [
        ("LANGUAGE_NOT_GRANTED", "control.targets[0].lang")
    ]


async def test_terms_of_ones_own_need_their_scope_everywhere(address: Address) -> None:
    plain = token(scope="stream translate")
    assert (await talk(address, plain, hello("es", glossary=TERMS))).error().code == "SCOPE_MISSING"
    later = await talk(address, plain, hello("es"), control("set_dictionary", glossary=TERMS))
    assert [each.code for each in later.of("error")] == ["SCOPE_MISSING"]
    request = pb.TranslateTextRequest(text="morning", source_lang="en", target_langs=["es"], glossary=TERMS)
    async with grpc.aio.insecure_channel(address) as channel:
        call = RealtimeTranslateStub(channel).TranslateText(request, metadata=bearer(plain))
        assert (await refusal(call)).code == "SCOPE_MISSING"


async def test_a_handle_is_good_for_its_tenant_alone(address: Address) -> None:
    heard = await talk(address, token(), hello("es"))
    handle = heard.of("ready")[0].resume_handle
    stolen = await talk(address, token(tenant="other"), hello("es", resume_handle=handle))
    assert stolen.error().code == "RESUME_OTHER_TENANT"
    assert not stolen.of("ready")


async def test_a_renewal_is_taken_of_the_same_bearer_alone(address: Address) -> None:
    renewals = [token(tenant="other"), token(sub="another"), token(key=private("EdDSA", "x")), "x", token()]
    sent = [pb.ClientMessage(renewal=pb.Renewal(token=each)) for each in renewals]
    heard = await talk(address, token(), hello("es"), *sent, text("good morning", final=True))
    codes = ["TOKEN_OTHER_TENANT", "TOKEN_OTHER_SUBJECT", "TOKEN_FORGED", "TOKEN_MALFORMED"]
    assert [each.code for each in heard.of("error")] == codes
    assert {each.field for each in heard.of("error")} == {"renewal.token"}
    assert heard.finals("es")


async def test_the_client_shows_its_token_and_asks_for_one_each_time(address: Address) -> None:
    asked = 0

    async def fresh() -> str:
        nonlocal asked
        asked += 1
        return token()

    async with babelmesh.connect(address, token=fresh) as mesh:
        assert await mesh.translate_text("good morning", "en", "es")
        await mesh.describe()
    assert asked == 2
    async with babelmesh.connect(address, token="nonsense") as mesh:
        with pytest.raises(babelmesh.SessionFailed) as refused:
            await mesh.describe()
    assert refused.value.code == "TOKEN_MALFORMED"


async def test_a_client_whose_hello_comes_late_is_told_why_it_is_refused(address: Address) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream()
        await asyncio.sleep(0.2)
        await call.write(hello("es"))
        await read_into(heard, call)
        assert heard.error().code == "TOKEN_MISSING"
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
