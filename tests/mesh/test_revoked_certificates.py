"""Callers whose certificates were revoked while the service runs."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from bench.measuring.authority import Leaf, swap
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from services.common.errors import InvalidArgument
from services.common.server.lifecycle import running
from services.common.statuses import from_rpc_error
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.mesh.encrypted import GATEWAY_ID, Keys, channel


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.made(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def revoked(tmp_path: Path) -> Path:
    path = tmp_path / "revoked"
    path.write_text("# nobody yet\n")
    return path


@asynccontextmanager
async def translator(keys: Keys, revoked: Path, callers: tuple[str, ...] = ()) -> AsyncIterator[str]:
    told = {**keys.stages, "tls_callers": callers, "tls_revoked": revoked}
    own = MtSettings.model_validate({"engine": "scripted", "drain_seconds": 0, **told})
    async with running(MtServicer(own), own) as port:
        yield f"127.0.0.1:{port}"


async def answered(address: str, keys: Keys, leaf: Leaf) -> str:
    """The code of the refusal; empty for an answer."""
    async with channel(address, keys.authority, leaf) as to:
        try:
            await mt_pb2_grpc.MtStub(to).Describe(mt_pb2.DescribeRequest())
        except grpc.aio.AioRpcError as error:
            return from_rpc_error(error, "MT").code
    return ""


async def until(address: str, keys: Keys, leaf: Leaf, code: str) -> None:
    async with asyncio.timeout(60):
        while await answered(address, keys, leaf) != code:  # noqa: ASYNC110 - nobody tells when a file was read
            await asyncio.sleep(0.02)


def serial(leaf: Leaf) -> str:
    """As openssl prints it."""
    command = ("openssl", "x509", "-noout", "-serial", "-in", str(leaf.certificate))
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().removeprefix("serial=")


@pytest.mark.parametrize("callers", [(), (GATEWAY_ID,)])
async def test_a_certificate_is_revoked_by_its_name_or_number_and_good_again_without(
    keys: Keys, revoked: Path, callers: tuple[str, ...]
) -> None:
    async with translator(keys, revoked, callers) as address:
        assert await answered(address, keys, keys.gateway) == ""
        for line in (GATEWAY_ID, f"serial:{serial(keys.gateway)}", "localhost"):
            swap(revoked, f"{line}\n".encode())
            await until(address, keys, keys.gateway, "CERTIFICATE_REVOKED")
            swap(revoked, f"# {line}\nserial:01\nspiffe://mesh/other\n".encode())
            await until(address, keys, keys.gateway, "")


async def test_a_line_that_is_read_wrong_leaves_what_was_revoked_before(
    keys: Keys, revoked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with translator(keys, revoked) as address:
        swap(revoked, f"{GATEWAY_ID}\n".encode())
        await until(address, keys, keys.gateway, "CERTIFICATE_REVOKED")
        swap(revoked, b"serial:none\n")
        async with asyncio.timeout(60):
            while "revocations not read, those before stay in force" not in caplog.messages:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.02)
        assert await answered(address, keys, keys.gateway) == "CERTIFICATE_REVOKED"
        assert await answered(address, keys, keys.operator) == ""


async def test_a_file_that_says_nothing_is_named_at_the_start(keys: Keys, revoked: Path) -> None:
    swap(revoked, b"a b\n")
    with pytest.raises(InvalidArgument) as refused:
        async with translator(keys, revoked):
            pass
    assert (refused.value.code, refused.value.field) == ("REVOCATIONS_UNUSABLE", "MT_TLS_REVOKED")


async def test_where_nobody_shows_a_certificate_none_can_be_revoked(revoked: Path) -> None:
    own = MtSettings(engine="scripted", tls_revoked=revoked)
    with pytest.raises(InvalidArgument) as refused:
        async with running(MtServicer(own), own):
            pass
    assert (refused.value.code, refused.value.field) == ("TLS_SETTING", "MT_TLS_REVOKED")
