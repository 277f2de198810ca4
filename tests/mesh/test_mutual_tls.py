"""TLS in every process: who may call whom, by certificate, and what a stranger gets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_status import rpc_status

from bench.measuring.authority import Authority, Leaf
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import InvalidArgument, MeshError
from services.common.server.lifecycle import running
from services.common.tls.calling import Dial
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.links import Link
from services.gateway.stages.replicas import Replicas
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.mesh.checks import check
from tests.mesh.encrypted import GATEWAY_ID, Keys, channel, encrypted
from tests.mesh.mesh import UTTERANCE, chunks, hello, serving, talk

STATE = stage_pb2.WatchRequest()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.made(tmp_path_factory.mktemp("keys"))


@asynccontextmanager
async def translator(keys: Keys, **settings: Any) -> AsyncIterator[str]:
    own = MtSettings(engine="scripted", drain_seconds=0, **{**keys.stages, **settings})
    async with running(MtServicer(own), own) as port:
        yield f"127.0.0.1:{port}"


async def test_a_session_passes_through_a_mesh_that_is_encrypted_throughout(keys: Keys) -> None:
    async with encrypted(keys) as address, channel(address, keys.authority) as to:
        heard = await talk(pb_grpc.RealtimeTranslateStub(to), hello("es"), *chunks(UTTERANCE))
    check(heard)
    assert heard.finals("es")
    assert heard.speech("es")


async def test_a_caller_in_plaintext_or_without_a_certificate_gets_nothing(keys: Keys) -> None:
    async with translator(keys) as address:
        for to in (grpc.aio.insecure_channel(address), channel(address, keys.authority)):
            async with to:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await mt_pb2_grpc.MtStub(to).Describe(mt_pb2.DescribeRequest())
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_operators_need_a_certificate_that_is_on_the_list_and_clients_none(keys: Keys) -> None:
    async with encrypted(keys) as address:
        async with channel(address.operators, keys.authority, keys.operator) as to:
            told = await anext(aiter(stage_pb2_grpc.StageStub(to).Watch(STATE)))
        assert told.state == stage_pb2.STATE_SERVING
        async with channel(address.operators, keys.authority, keys.stage) as to:
            assert await refusal(stage_pb2_grpc.StageStub(to).Watch(STATE)) is grpc.StatusCode.PERMISSION_DENIED
        async with channel(address.operators, keys.authority) as to:
            assert await refusal(stage_pb2_grpc.StageStub(to).Watch(STATE)) is grpc.StatusCode.UNAVAILABLE


async def refusal(call: Any) -> grpc.StatusCode:
    """The status of a stream that is refused before anything comes."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await anext(aiter(call))
    return refused.value.code()


async def test_a_caller_that_is_not_on_the_list_is_told_what_its_certificate_lacks(keys: Keys) -> None:
    async with translator(keys) as address, channel(address, keys.authority, keys.operator) as to:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await mt_pb2_grpc.MtStub(to).Describe(mt_pb2.DescribeRequest())
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    told = refused.value.details() or ""
    assert "'operator.mesh'" in told
    assert "MT_TLS_CALLERS" in told
    assert GATEWAY_ID in told
    reason = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(refused.value)  # type: ignore[arg-type]  # it reads what both kinds of calls have
    assert status
    assert status.details[0].Unpack(reason)
    assert reason.reason == "NOT_A_CALLER"


async def test_health_and_state_are_refused_to_whom_is_not_on_the_list_too(keys: Keys) -> None:
    async with translator(keys, reflection=True) as address, channel(address, keys.authority, keys.operator) as to:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await HealthStub(to).Check(HealthCheckRequest())  # type: ignore[attr-defined]  # the stubs leave it out
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        reflection: Any = to.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        for call in (
            stage_pb2_grpc.StageStub(to).Watch(STATE),
            HealthStub(to).Watch(HealthCheckRequest()),  # type: ignore[attr-defined]  # as above
            reflection(iter([b""])),
        ):
            assert await refusal(call) is grpc.StatusCode.PERMISSION_DENIED


async def test_probes_are_answered_without_tls_at_a_port_that_serves_health_alone(keys: Keys) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with translator(keys, health=f"127.0.0.1:{port}"), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        asked = HealthCheckRequest(service="mesh.mt.v1.Mt")
        answer = await HealthStub(to).Check(asked)  # type: ignore[attr-defined]  # the stubs leave it out
        assert answer.status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await mt_pb2_grpc.MtStub(to).Describe(mt_pb2.DescribeRequest())
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("wrong", ["signed by another authority", "for another name"])
async def test_a_stage_with_a_wrong_certificate_gets_nothing(keys: Keys, tmp_path: Path, wrong: str) -> None:
    if wrong == "for another name":
        leaf = keys.authority.leaf("other", "DNS:other.mesh")
    else:
        leaf = Authority.made(tmp_path).leaf("impostor", "IP:127.0.0.1")
    settings = GatewaySettings(**keys.of_gateway)
    async with impostor(leaf) as (address, called):
        dial = Dial.of(settings, "gateway", [address])
        replicas = Replicas("MT", Addresses([address], dial=dial), 1.0, 5.0)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(replicas.run())
            await replicas.known()
            with pytest.raises(MeshError) as refused:
                await replicas.call(describe)
            watching.cancel()
    assert refused.value.code == "MT_UNAVAILABLE"
    assert not called


async def describe(link: Link) -> mt_pb2.DescribeResponse:
    return await mt_pb2_grpc.MtStub(link.channel).Describe(mt_pb2.DescribeRequest())


@asynccontextmanager
async def impostor(leaf: Leaf) -> AsyncIterator[tuple[str, list[str]]]:
    """Where a server listens that asks for no certificate, and which methods it is called by."""
    called: list[str] = []

    class Noting(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
            called.append(handler_call_details.method)
            return await continuation(handler_call_details)

    server = grpc.aio.server(interceptors=[Noting()])
    pair = (leaf.key.read_bytes(), leaf.certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        yield f"127.0.0.1:{port}", called
    finally:
        await server.stop(0)


OFFERS = {
    "TLS 1.1": (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    "CBC": (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"),
    "AEAD": (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    "TLS 1.3": (ssl.TLSVersion.TLSv1_3, "ALL"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("offer", OFFERS)
async def test_old_versions_and_ciphers_that_are_not_aead_are_refused(keys: Keys, offer: str) -> None:
    version, ciphers = OFFERS[offer]
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    client.set_ciphers(ciphers)
    client.set_alpn_protocols(["h2"])
    async with translator(keys, tls_client_ca=None, tls_callers=()) as address:
        ours = await agreed(address, client)
    assert await agreed_with_anyone(keys, client), "the client does not offer it"
    assert ours.startswith({"AEAD": ciphers, "TLS 1.3": "TLS_"}.get(offer, "refused"))


async def agreed(address: str, client: ssl.SSLContext) -> str:
    """The cipher that a client and a server agree on."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port), ssl=client)
    except (ssl.SSLError, ConnectionError):
        return "refused"
    cipher = str(writer.get_extra_info("cipher")[0])
    writer.transport.abort()
    return cipher


async def agreed_with_anyone(keys: Keys, client: ssl.SSLContext) -> bool:
    """Whether a server that takes everything agrees with the client."""
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.minimum_version = ssl.TLSVersion.TLSv1_1
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.load_cert_chain(keys.stage.certificate, keys.stage.key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=lax)
    async with server:
        return await agreed(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", client) != "refused"


REFUSED: dict[str, dict[str, Any]] = {
    "GATEWAY_TLS_KEY: It goes together": {"tls_key": None},
    "GATEWAY_TLS_CERTIFICATE: It goes together": {"tls_certificate": None},
    "GATEWAY_TLS_KEY: .* is not the key of GATEWAY_TLS_CERTIFICATE": {"tls_key": "operator.key"},
    "GATEWAY_STAGES_TLS_KEY: .* is not the key of GATEWAY_STAGES_TLS_CERTIFICATE": {"stages_tls_key": "operator.key"},
    "GATEWAY_TLS_KEY: .* cannot be read: No such file": {"tls_key": "absent.key"},
    "GATEWAY_STAGES_TLS_CA: .* holds no certificates": {"stages_tls_ca": "operator.key"},
    "GATEWAY_STAGES_TLS_CERTIFICATE: It is of no use without GATEWAY_STAGES_TLS_CA": {"stages_tls_ca": None},
    "GATEWAY_PLAINTEXT: It contradicts GATEWAY_TLS_CERTIFICATE": {"plaintext": True},
    "GATEWAY_STAGES_PLAINTEXT: It contradicts GATEWAY_STAGES_TLS_CA": {"stages_plaintext": True},
    "GATEWAY_TLS_CALLERS: .* set GATEWAY_TLS_CLIENT_CA": {"tls_callers": ("a.mesh",)},
    "GATEWAY_OPERATIONS_TLS_CLIENT_CA: It is of no use without": {"tls_certificate": None, "tls_key": None},
}


@pytest.mark.parametrize("says", REFUSED)
async def test_settings_that_make_no_sense_are_refused_by_name_at_start(keys: Keys, says: str) -> None:
    folder = keys.authority.folder
    told = {name: folder / value if str(value).endswith(".key") else value for name, value in REFUSED[says].items()}
    with pytest.raises(InvalidArgument, match=says):
        async with serving(GatewaySettings(**{**keys.of_gateway, **told})):
            pass


async def test_a_port_for_other_machines_is_not_served_without_tls_unless_that_is_asked_for() -> None:
    settings = MtSettings(engine="scripted", listen="0.0.0.0:0")
    with pytest.raises(InvalidArgument) as refused:
        async with running(MtServicer(settings), settings):
            pass
    assert str(refused.value) == (
        "The port for clients, 0.0.0.0:0, would be reached from other machines without TLS. Set MT_TLS_CERTIFICATE and "
        "MT_TLS_KEY; or MT_PLAINTEXT=true, where the network itself is to be trusted."
    )
    asked = MtSettings(engine="scripted", listen="0.0.0.0:0", plaintext=True, drain_seconds=0)
    async with running(MtServicer(asked), asked) as port:
        assert port


async def test_stages_on_other_machines_are_not_called_without_tls_unless_that_is_asked_for() -> None:
    with pytest.raises(InvalidArgument, match=r"dns:///asr:7701 .* GATEWAY_STAGES_TLS_CA; or GATEWAY_STAGES_PLAINTEXT"):
        GatewayServicer(GatewaySettings(asr_endpoints=("dns:///asr:7701",)))
    GatewayServicer(GatewaySettings(asr_endpoints=("dns:///asr:7701",), stages_plaintext=True))
    GatewayServicer(GatewaySettings(asr_endpoints=("dns:///localhost:7701", "[::1]:7701")))
