"""Certificates and authorities that are replaced while calls go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from bench.measuring.authority import Authority, swap
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.server.lifecycle import running
from services.common.tls.calling import Dial
from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.links import Link
from services.gateway.stages.replicas import Replicas
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.measured import measured
from tests.mesh.checks import check
from tests.mesh.encrypted import GATEWAY_ID, Keys, channel, encrypted
from tests.mesh.fake_stage import until
from tests.mesh.mesh import UTTERANCE, Heard, chunks, hello, read_into, talk

pytestmark = pytest.mark.clock


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.made(tmp_path / "first")


def renewed(keys: Keys, folder: Path) -> Authority:
    """Put certificates of another authority, which alone is trusted from now on, into the files that are in use."""
    other = Authority.made(folder)
    for leaf, holds in (
        (keys.stage, "DNS:stage.mesh,IP:127.0.0.1"),
        (keys.gateway, f"DNS:localhost,IP:127.0.0.1,URI:{GATEWAY_ID}"),
    ):
        leaf.replace(other.leaf(leaf.certificate.stem, holds))
    swap(keys.authority.file, other.file.read_bytes())
    return other


async def answered(address: str, authority: Authority) -> bool:
    """Whether a new connection is, that trusts one authority alone and shows no certificate."""
    async with channel(address, authority) as to:
        try:
            await pb_grpc.RealtimeTranslateStub(to).Describe(pb.DescribeRequest())
        except grpc.aio.AioRpcError:
            return False
    return True


async def test_a_session_goes_on_while_every_certificate_and_its_authority_are_replaced(
    keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = Authority.made(tmp_path / "old")  # of which nothing is but what the client trusts at first
    swap(old.file, keys.authority.file.read_bytes())
    heard = Heard()
    async with encrypted(keys) as address, channel(address, old) as to, asyncio.TaskGroup() as tasks:
        call: Any = pb_grpc.RealtimeTranslateStub(to).Stream()
        tasks.create_task(read_into(heard, call))
        for message in (hello("es"), *chunks(UTTERANCE)):
            await call.write(message)
        await heard.until("translation", 1)
        other = renewed(keys, tmp_path / "second")
        await eventually(lambda: answered(address, other))
        assert not await answered(address, old)
        for message in chunks(UTTERANCE):
            await call.write(message)
        await call.done_writing()
        async with channel(address, other) as fresh:
            new = await talk(pb_grpc.RealtimeTranslateStub(fresh), hello("es"), *chunks(UTTERANCE))
    check(heard)
    check(new)
    assert len(heard.finals("es")) == 2
    assert len(new.finals("es")) == 1
    assert not logged(caplog, "recognizer broke off")


@asynccontextmanager
async def called(keys: Keys, port: int) -> AsyncIterator[Replicas]:
    """A translator, watched with the gateway's certificate."""
    dial = Dial.of(GatewaySettings(**keys.of_gateway), "gateway", ())
    replicas = Replicas("MT", Addresses([f"127.0.0.1:{port}"], dial=dial), 1.0, 5.0)
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(dial.run()), tasks.create_task(replicas.run())]
        await replicas.known()
        yield replicas
        for each in beside:
            each.cancel()


async def placed(link: Link) -> Link:
    return link


async def describe(link: Link) -> Link:
    await mt_pb2_grpc.MtStub(link.channel).Describe(mt_pb2.DescribeRequest())
    return link


async def elsewhere(replicas: Replicas, first: Link) -> bool:
    """Whether a new call is made over another connection."""
    return await replicas.call(describe) is not first


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110  # files are looked at now and then
            await asyncio.sleep(0.02)


async def test_new_calls_go_over_a_new_connection_and_the_old_one_closes_after_its_last_call(
    keys: Keys, tmp_path: Path
) -> None:
    own = MtSettings(engine="scripted", drain_seconds=0, **keys.stages)
    async with running(MtServicer(own), own) as port, called(keys, port) as replicas:
        first = await replicas.call(placed)
        with first.uses.one():
            renewed(keys, tmp_path / "second")
            await eventually(lambda: elsewhere(replicas, first))
            assert await describe(first) is first
            assert not first.lost.is_set()
        await until(lambda: first.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN)
        assert not first.lost.is_set()
        assert replicas.available


async def test_those_who_call_over_a_replaced_connection_hear_that_the_replica_is_gone(
    keys: Keys, tmp_path: Path
) -> None:
    own = MtSettings(engine="scripted", drain_seconds=0, **keys.stages)
    async with AsyncExitStack() as held, AsyncExitStack() as server:
        port = await server.enter_async_context(running(MtServicer(own), own))
        replicas = await held.enter_async_context(called(keys, port))
        first = await replicas.call(placed)
        with first.uses.one():
            renewed(keys, tmp_path / "second")
            await eventually(lambda: elsewhere(replicas, first))
            await server.aclose()
            await until(first.lost.is_set)
            assert first.died.is_set()


async def test_files_that_are_broken_change_nothing_until_they_are_whole(
    keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = keys.authority.leaf("another", "IP:127.0.0.1")
    key = other.key.read_bytes()
    own = MtSettings(engine="scripted", drain_seconds=0, **keys.stages)
    async with running(MtServicer(own), own) as port, called(keys, port) as replicas:
        for broken in (key[:50], key, b""):
            swap(keys.stage.key, broken)
            await until(lambda: logged(caplog, "certificates not taken, the ones before stay in use"))
            assert replicas.available
            async with channel(f"127.0.0.1:{port}", keys.authority, keys.gateway) as to:
                await mt_pb2_grpc.MtStub(to).Describe(mt_pb2.DescribeRequest())
            caplog.clear()
        with measured() as seen:
            await until(lambda: seen.counted("certificate.reloads").get(("mt", "clients", "refused"), 0) >= 2)
            assert seen.values("certificate.expiry") == {
                ("mt", "clients", "certificate"): pytest.approx(2, abs=0.01),
                ("mt", "clients", "authorities"): pytest.approx(2, abs=0.01),
                ("gateway", "stages", "certificate"): pytest.approx(2, abs=0.01),
                ("gateway", "stages", "authorities"): pytest.approx(2, abs=0.01),
            }
            swap(keys.stage.certificate, other.certificate.read_bytes())
            swap(keys.stage.key, key)
            await until(lambda: logged(caplog, "certificates taken"))
            assert seen.counted("certificate.reloads")["mt", "clients", "taken"] == 1


def logged(caplog: pytest.LogCaptureFixture, event: str) -> bool:
    return any(record.getMessage() == event for record in caplog.records)
