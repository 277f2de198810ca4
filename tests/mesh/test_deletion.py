"""The cluster is told which pods are idle."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from mesh.stage.v1 import stage_pb2
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.errors import InvalidArgument
from services.common.server.lifecycle import running
from services.common.server.slots import ADMITTED
from services.gateway.deletion.__main__ import make
from services.gateway.deletion.costs import Pod
from services.gateway.deletion.pods import Pods
from services.gateway.deletion.servicer import DeletionServicer
from services.gateway.deletion.settings import DeletionSettings
from tests.mesh.api_server import Cluster, api_server
from tests.mesh.fake_stage import replica, until


@asynccontextmanager
async def writing(cluster: Cluster, **endpoints: str) -> AsyncIterator[int]:
    """The service, looking often; its port."""
    told: dict[str, Any] = {f"{stage}_endpoints": tuple(where.split(",")) for stage, where in endpoints.items()}
    settings = DeletionSettings(
        api=f"http://127.0.0.1:{cluster.port}",
        namespace="babelmesh",
        interval_seconds=0.1,
        patches_per_second=100,
        **told,
    )
    async with running(DeletionServicer(settings, Pods(settings)), settings) as port:
        yield port


@asynccontextmanager
async def recognizer(host: str) -> AsyncIterator[str]:
    """A scripted replica on an address of its own, as a pod has one."""
    settings = AsrSettings(engine="scripted", vad="energy", slots=8, drain_seconds=0, listen=f"{host}:0")
    async with running(AsrServicer(settings), settings) as port:
        yield f"{host}:{port}"


@asynccontextmanager
async def stream(address: str) -> AsyncIterator[None]:
    """A recognition that holds a slot."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = asr_pb2_grpc.AsrStub(channel).Recognize()
        config = asr_pb2.RecognizeConfig(lang="en")
        await call.write(asr_pb2.RecognizeRequest(config=config))
        assert ADMITTED in dict(await call.initial_metadata())
        yield
        call.cancel()


async def test_of_two_recognizers_the_one_without_streams_is_the_cheaper() -> None:
    async with recognizer("127.0.0.2") as busy, recognizer("127.0.0.3") as idle, stream(busy), stream(busy):
        with api_server() as cluster:
            cluster.add("asr-busy", "127.0.0.2")
            cluster.add("asr-idle", "127.0.0.3")
            cluster.add("unrelated", "127.0.0.4")
            async with writing(cluster, asr=f"{busy},{idle}"):
                await until(lambda: (cluster.cost("asr-busy"), cluster.cost("asr-idle")) == ("2", "0"))
                async with stream(idle), stream(idle), stream(idle), stream(idle):
                    await until(lambda: cluster.cost("asr-idle") == "4")
            assert cluster.cost("unrelated") is None


async def test_pods_are_listed_by_label_and_only_a_change_is_written_as_a_merge_patch() -> None:
    async with replica("a", total=8, used=3) as a:
        with api_server() as cluster:
            cluster.add("asr-a", "127.0.0.1")
            async with writing(cluster, asr=a.address):
                await until(lambda: len(cluster.of("GET")) >= 4)
    (patch,) = cluster.of("PATCH")
    assert patch.path == "/api/v1/namespaces/babelmesh/pods/asr-a"
    assert patch.content_type == "application/merge-patch+json"
    assert patch.body == {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "2"}}}
    paths = {request.path for request in cluster.of("GET")}
    assert paths == {"/api/v1/namespaces/babelmesh/pods?labelSelector=app.kubernetes.io%2Fpart-of%3Dbabelmesh"}
    assert {request.method for request in cluster.requests} == {"GET", "PATCH"}


async def test_one_that_drains_becomes_the_cheapest() -> None:
    async with replica("a", total=8, used=3) as a:
        with api_server() as cluster:
            cluster.add("gateway-a", "127.0.0.1")
            async with writing(cluster, peer=a.address):
                await until(lambda: cluster.cost("gateway-a") == "2")
                a.state = stage_pb2.STATE_DRAINING
                await until(lambda: cluster.cost("gateway-a") == "-1")


async def test_pods_that_ended_have_given_up_their_address() -> None:
    async with replica("a", total=8, used=3) as a:
        with api_server() as cluster:
            cluster.add("ended", "127.0.0.1", phase="Succeeded")
            cluster.add("ending", "127.0.0.1", deletionTimestamp="2026-01-01T00:00:00Z")
            cluster.add("runs", "127.0.0.1")
            async with writing(cluster, asr=a.address):
                await until(lambda: cluster.cost("runs") == "2")
    assert (cluster.cost("ended"), cluster.cost("ending")) == (None, None)


async def test_a_refusal_is_told_in_a_line_without_addresses_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with replica("a", total=8, used=3) as a:
        with api_server() as cluster:
            cluster.add("asr-a", "127.0.0.1")
            cluster.refuses = 403
            async with writing(cluster, asr=a.address):
                await until(lambda: len(cluster.requests) >= 2)
                cluster.refuses = 0
                await until(lambda: cluster.cost("asr-a") == "2")
    told = [getattr(record, "fields", {}) for record in caplog.records if record.msg == "costs not written"]
    assert told[0]["code"] == "KUBERNETES_403"
    assert "get, list and patch pods" in told[0]["reason"]
    assert "127.0.0.1" not in caplog.text + json.dumps([getattr(record, "fields", {}) for record in caplog.records])


async def test_a_pod_that_is_gone_by_now_is_no_failure() -> None:
    with api_server() as cluster:
        pods = Pods(DeletionSettings(api=f"http://127.0.0.1:{cluster.port}"))
        await pods.write(Pod("gone", "127.0.0.1", None), 1)
        assert cluster.of("PATCH")[0].path == "/api/v1/namespaces/default/pods/gone"
        await pods.close()


async def test_it_is_probed_as_any_service() -> None:
    with api_server() as cluster:
        async with writing(cluster) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def account(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).write_text("x")
    return folder


@pytest.mark.parametrize(
    ("files", "missing"), [((), "token and namespace"), (("token", "namespace"), "ca.crt")], ids=["no token", "no ca"]
)
async def test_without_a_service_account_a_line_says_so(
    files: tuple[str, ...], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("DELETION_SERVICE_ACCOUNT", str(account(tmp_path, *files)))
    with pytest.raises(InvalidArgument, match=missing):
        make()


async def test_outside_of_a_cluster_a_line_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("DELETION_SERVICE_ACCOUNT", str(account(tmp_path, "token", "namespace", "ca.crt")))
    with pytest.raises(InvalidArgument, match="DELETION_API"):
        make()
