"""The edge and TLS: browsers' side, the gateway's side, and certificates that are replaced under sessions."""

from __future__ import annotations

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websockets

from bench.measuring.authority import Authority, Leaf, swap
from services.common.errors import InvalidArgument
from services.edge.connections import Connections
from services.edge.https import https_of
from services.edge.servicer import EdgeServicer
from services.edge.settings import EdgeSettings
from tests.mesh.edge import edge, hello, say, typed, until
from tests.mesh.mesh import gateway_address

RELOAD_SECONDS = 0.05
HOLDS = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made(tmp_path / "first")


def https(leaf: Leaf, **more: Any) -> dict[str, Any]:
    """Settings of an edge that serves HTTPS."""
    return {"tls_certificate": leaf.certificate, "tls_key": leaf.key, "tls_reload_seconds": RELOAD_SECONDS, **more}


def trusting(authority: Authority, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if newest:
        context.minimum_version = context.maximum_version = newest
    return context


async def answered(servicer: EdgeServicer, context: ssl.SSLContext) -> bool:
    """Whether a new connection is that trusts one authority alone."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"https://localhost:{servicer.port}/healthz", context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    return await asyncio.to_thread(ask)


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110  # files are looked at by the clock
            await asyncio.sleep(RELOAD_SECONDS)


def connect(servicer: EdgeServicer, context: ssl.SSLContext) -> websockets.connect:
    return websockets.connect(
        f"wss://localhost:{servicer.port}/v1/realtime", ssl=context, max_size=None, open_timeout=60
    )


async def test_a_renewed_certificate_is_shown_to_new_connections_and_sessions_go_on(
    authority: Authority, tmp_path: Path
) -> None:
    leaf, context = authority.leaf("edge", HOLDS), trusting(authority)
    async with gateway_address() as gateway, edge(gateway, **https(leaf)) as servicer:
        async with connect(servicer, context) as socket:
            await say(socket, hello("es"), typed("good morning"))
            assert (await until(socket, "final_translation"))["text"] == "good-es morning-es"
            other = Authority.made(tmp_path / "second")
            swap(leaf.key, b"half of a key")  # changes nothing but a line in the log
            await asyncio.sleep(2 * RELOAD_SECONDS)
            assert await answered(servicer, context)
            leaf.replace(other.leaf("edge", HOLDS))
            await eventually(lambda: answered(servicer, trusting(other)))
            assert not await answered(servicer, context)
            await say(socket, typed("good night"))
            assert (await until(socket, "final_translation"))["text"] == "good-es night-es"
        async with connect(servicer, trusting(other)) as socket:
            await say(socket, hello("es"), typed("hello"))
            await until(socket, "final_translation")


async def test_old_versions_of_tls_and_plaintext_get_no_answer(authority: Authority) -> None:
    async with edge("127.0.0.1:1", **https(authority.leaf("edge", HOLDS))) as servicer:
        assert await answered(servicer, trusting(authority, ssl.TLSVersion.TLSv1_2))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old = trusting(authority, ssl.TLSVersion.TLSv1_1)
        assert not await answered(servicer, old)
        with pytest.raises((websockets.InvalidMessage, ConnectionError)):
            await websockets.connect(f"ws://localhost:{servicer.port}/v1/realtime")


@dataclass(frozen=True, slots=True)
class Ends:
    """The certificates of an edge and of the gateway that it calls, and the authority that both trust."""

    authority: Authority
    own: Leaf
    gateway: Leaf

    @classmethod
    def of(cls, authority: Authority) -> Ends:
        return cls(authority, authority.leaf("own", "DNS:edge.mesh"), authority.leaf("gateway", "DNS:gateway.mesh"))

    @property
    def of_gateway(self) -> dict[str, Any]:
        """Settings of a gateway that takes calls of the edge alone."""
        return {**https(self.gateway), "tls_client_ca": self.authority.file, "tls_callers": ("edge.mesh",)}

    @property
    def of_edge(self) -> dict[str, Any]:
        shown = {"gateway_certificate": self.own.certificate, "gateway_key": self.own.key}
        return {**self.trusting, **shown, "tls_reload_seconds": RELOAD_SECONDS}

    @property
    def trusting(self) -> dict[str, Any]:
        return {"gateway_ca": self.authority.file, "gateway_name": "gateway.mesh"}

    def replaced(self, by: Authority) -> None:
        """Have another authority sign, and be the only one that is trusted."""
        other = Ends.of(by)
        self.gateway.replace(other.gateway)
        self.own.replace(other.own)
        swap(self.authority.file, by.file.read_bytes())


async def translates(url: str) -> bool:
    try:
        async with websockets.connect(url, open_timeout=60) as socket:
            await say(socket, hello("es"), typed("hello"))
            return bool((await until(socket, "final_translation"))["text"] == "hello-es")
    except (
        websockets.InvalidStatus,
        websockets.ConnectionClosed,
        AssertionError,
    ):  # the two of them look at their files at different moments
        return False


async def test_the_edge_shows_the_gateway_its_certificate_and_goes_on_with_a_renewed_one(
    authority: Authority, tmp_path: Path
) -> None:
    ends = Ends.of(authority)
    async with gateway_address(**ends.of_gateway) as gateway, edge(gateway, **ends.of_edge) as servicer:
        url = f"ws://127.0.0.1:{servicer.port}/v1/realtime"
        async with websockets.connect(url, open_timeout=60) as first:
            await say(first, hello("es"), typed("good morning"))
            await until(first, "final_translation")
            ends.replaced(Authority.made(tmp_path / "second"))
            await eventually(lambda: translates(url))
            await say(first, typed("good night"))
            assert (await until(first, "final_translation"))["text"] == "good-es night-es"
        async with edge(gateway, **ends.trusting) as nameless:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(f"ws://127.0.0.1:{nameless.port}/v1/realtime", open_timeout=60)
            assert refused.value.response.status_code == 503


def test_settings_that_contradict_each_other_are_named(authority: Authority) -> None:
    leaf = authority.leaf("edge", HOLDS)
    for settings, setting, word in (
        ({"gateway": "gateway:7700"}, "", "EDGE_GATEWAY_CA"),
        ({"gateway": "dns:///gateway:7700"}, "", "EDGE_GATEWAY_PLAINTEXT"),
        ({"gateway_certificate": leaf.certificate}, "EDGE_GATEWAY_KEY", "together"),
        ({"gateway_key": leaf.key}, "EDGE_GATEWAY_CERTIFICATE", "together"),
        ({"gateway_certificate": leaf.certificate, "gateway_key": leaf.key}, "EDGE_GATEWAY_CERTIFICATE", "no use"),
        ({"gateway_ca": authority.file, "gateway_plaintext": True}, "EDGE_GATEWAY_PLAINTEXT", "contradicts"),
        ({"gateway_ca": leaf.key}, "EDGE_GATEWAY_CA", "holds no certificates"),
    ):
        with pytest.raises(InvalidArgument, match=word) as refused:
            Connections(EdgeSettings(**settings))
        assert refused.value.field == setting
    for settings, word in (
        ({"listen": "0.0.0.0:0"}, "EDGE_TLS_CERTIFICATE"),
        ({"tls_certificate": leaf.certificate}, "together"),
        (https(leaf, plaintext=True), "contradicts"),
    ):
        with pytest.raises(InvalidArgument, match=word):
            https_of(EdgeSettings(**settings))
    assert https_of(EdgeSettings(listen="0.0.0.0:0", plaintext=True)) is None
