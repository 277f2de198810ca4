"""The client and TLS: behind a proxy that ends it, as in front of a real mesh."""

from __future__ import annotations

import ssl
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import babelmesh
from bench.capacity.fronted import certified
from tests.mesh.mesh import UTTERANCE, gateway_address
from tests.mesh.relay import Relay, relay

COMMAND = Path(sys.executable).parent / "babelmesh"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def _encrypted(folder: Path) -> AsyncIterator[tuple[str, Relay]]:
    """The address, as a client says it, of a mesh behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    context.set_alpn_protocols(["h2"])
    async with gateway_address() as address, relay(address, context) as (through, link):
        yield f"grpcs://{through}", link


async def test_an_encrypted_session_is_resumed_over_encrypted_connections(folder: Path) -> None:
    async def spoken(link: Relay) -> AsyncIterator[bytes]:
        pcm = 2 * UTTERANCE
        for start in range(0, len(pcm), 6400):
            if start == 6400 * 18:
                link.cut()
            yield pcm[start : start + 6400]

    async with (
        _encrypted(folder) as (address, link),
        babelmesh.connect(address, folder / "tls.crt") as mesh,
        mesh.session("en", ["es"]) as session,
    ):
        events = [event async for event in session.translate(spoken(link))]
    finals = [each.segment_id for each in events if isinstance(each, babelmesh.TranslationResult) and each.final]
    assert finals == [1, 2]
    assert link.connections > 1


async def test_a_certificate_that_is_not_trusted_is_named_as_the_reason(folder: Path) -> None:
    async with _encrypted(folder) as (address, _), babelmesh.connect(address) as mesh:
        with pytest.raises(babelmesh.SessionFailed, match="its certificate is not one that is trusted"):
            await mesh.describe()


async def test_a_plaintext_client_gets_no_answer(folder: Path) -> None:
    async with _encrypted(folder) as (address, _), babelmesh.connect(address.partition("://")[2]) as mesh:
        with pytest.raises(babelmesh.SessionFailed):
            await mesh.describe()


async def test_the_command_line_trusts_the_file_it_is_told(folder: Path) -> None:
    async with _encrypted(folder) as (address, _):
        told = ("text", "--to", "es", "--server", address, "--ca", folder / "tls.crt", "hello")
        child = await create_subprocess_exec(COMMAND, *told, stdout=PIPE, stderr=PIPE)
        out, err = await child.communicate()
    assert child.returncode == 0, err
    assert b"hello" in out


@pytest.mark.parametrize(
    ("address", "ca", "says"),
    [
        ("https://host:1", "", "Accepted: HOST:PORT in plaintext, grpcs://HOST:PORT"),
        ("host:1,grpcs://host:2", "tls.crt", "host:1 is plaintext"),
        ("grpcs://host:1", "absent.pem", "No such file"),
        ("grpcs://host:1", "tls.key", "holds no certificates"),
    ],
)
async def test_what_cannot_be_dialled_is_refused_before_anything_is_sent(
    folder: Path, address: str, ca: str, says: str
) -> None:
    with pytest.raises(babelmesh.AddressUnusable, match=says):
        async with babelmesh.connect(address, folder / ca if ca else None):
            pass
