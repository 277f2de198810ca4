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
from babelmesh.cli import options, watching
from babelmesh.cli.faults import Fault, FaultKind, simulate_fault
from bench.capacity.fronted import certified
from bench.measuring.authority import swap
from tests.mesh.encrypted import Keys, encrypted
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
        babelmesh.connect(address, babelmesh.Tls(folder / "tls.crt")) as mesh,
        mesh.session("en", ["es"]) as session,
    ):
        events = [event async for event in session.translate(spoken(link))]
    finals = [each.segment_id for each in events if isinstance(each, babelmesh.TranslationResult) and each.final]
    assert finals == [1, 2]
    assert link.connections > 1


async def test_a_certificate_that_is_not_trusted_is_named_as_the_reason(folder: Path) -> None:
    async with _encrypted(folder) as (address, _), babelmesh.connect(address) as mesh:
        with pytest.raises(babelmesh.SessionFailed, match="is not one that is trusted here: "):
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
        async with babelmesh.connect(address, babelmesh.Tls(folder / ca) if ca else None):
            pass


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.made(tmp_path_factory.mktemp("keys"))


async def test_a_gateway_that_asks_for_a_certificate_is_shown_one(keys: Keys) -> None:
    shown = babelmesh.Tls(keys.authority.file, keys.operator.certificate, keys.operator.key)
    wanted = {"tls_client_ca": keys.authority.file, "tls_callers": ("operator.mesh",)}
    async with encrypted(keys, **wanted) as address:
        async with babelmesh.connect(f"grpcs://{address}", shown) as mesh:
            assert (await mesh.describe()).engines
        async with babelmesh.connect(f"grpcs://{address}", babelmesh.Tls(keys.authority.file)) as mesh:
            with pytest.raises(babelmesh.SessionFailed, match="it may ask clients for a certificate"):
                await mesh.describe()
        other = babelmesh.Tls(keys.authority.file, keys.stage.certificate, keys.stage.key)
        async with babelmesh.connect(f"grpcs://{address}", other) as mesh:
            with pytest.raises(babelmesh.SessionFailed, match=r"'stage\.mesh', which may not call here") as refused:
                await mesh.describe()
    assert refused.value.code == "NOT_A_CALLER"


async def test_a_certificate_for_another_name_is_told_from_one_that_is_not_trusted(keys: Keys) -> None:
    async with encrypted(keys) as address:
        named = babelmesh.Tls(keys.authority.file, name="other.mesh")
        async with babelmesh.connect(f"grpcs://{address}", named) as mesh:
            with pytest.raises(babelmesh.SessionFailed, match="is for another name than"):
                await mesh.describe()
        async with babelmesh.connect(
            f"grpcs://{address}", babelmesh.Tls(keys.authority.file, name="localhost")
        ) as mesh:
            assert (await mesh.describe()).engines


async def test_a_session_is_resumed_with_the_files_that_are_there_by_then(tmp_path: Path) -> None:
    first = certified(tmp_path / "first")
    ca, told = tmp_path / "ca.crt", list[str]()
    swap(ca, (first / "tls.crt").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(first / "tls.crt", first / "tls.key")
    context.set_alpn_protocols(["h2"])

    async def spoken(link: Relay) -> AsyncIterator[bytes]:
        for start in range(0, len(UTTERANCE), 6400):
            if start == 6400 * 6:
                second = certified(tmp_path / "second")
                context.load_cert_chain(second / "tls.crt", second / "tls.key")
                swap(ca, (second / "tls.crt").read_bytes())
                link.cut()
            yield UTTERANCE[start : start + 6400]

    async with (
        gateway_address() as address,
        relay(address, context) as (through, link),
        babelmesh.connect(f"grpcs://{through}", babelmesh.Tls(ca)) as mesh,
        mesh.session("en", ["es"], notice=told.append) as session,
    ):
        events = [event async for event in session.translate(spoken(link))]
    assert [each.segment_id for each in events if isinstance(each, babelmesh.TranslationResult) and each.final] == [1]
    assert told


async def test_operators_commands_show_a_certificate(keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    tls = options.tls_of(keys.authority.file, (keys.operator.certificate, keys.operator.key))
    async with encrypted(keys) as address:
        await watching.top([f"grpcs://{address.operators}"], once=True, as_events=True, tls=tls)
        with pytest.raises(babelmesh.SessionFailed, match="GATEWAY_FAULTS"):
            await simulate_fault(f"grpcs://{address.operators}", Fault(FaultKind.CRASH), tls)
    assert "STATE_SERVING" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        ("stage.crt", "operator.key", "is not the key of"),
        ("stage.crt", "stage.crt", "holds no key"),
        ("stage.crt", "absent.key", "No such file"),
        ("stage.key", "stage.key", "holds no certificates"),
        ("stage.crt", "", "go together"),
    ],
)
async def test_a_certificate_that_cannot_be_shown_is_refused_before_anything_is_sent(
    keys: Keys, certificate: str, key: str, says: str
) -> None:
    folder = keys.authority.folder
    shown = babelmesh.Tls(certificate=folder / certificate, key=folder / key if key else None)
    with pytest.raises(babelmesh.AddressUnusable, match=says):
        async with babelmesh.connect("grpcs://host:1", shown):
            pass
