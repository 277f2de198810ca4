"""Keys of tokens that are fetched from a server on this machine, rotated, and not to be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.measuring.issuer import ISSUER, bearer, public, token
from services.common.errors import MeshError, StageFailed, Unauthenticated
from services.gateway.settings import GatewaySettings
from services.gateway.tokens import keyring
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import STREAM


class Keys:
    """What the server answers, and how often it was asked."""

    def __init__(self, *algorithms: str) -> None:
        self.status, self.asked, self.url = "200 OK", 0, ""
        self.algorithms = algorithms

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"keys": [public(each) for each in self.algorithms]}).encode()
        head = f"HTTP/1.1 {self.status}\r\nLocation: {self.url}2\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def served(keys: Keys) -> AsyncIterator[Gate]:
    """A gate that has the keys from a server."""
    server = await asyncio.start_server(keys.answer, "127.0.0.1", 0)
    async with server:
        keys.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        gate = Gate(GatewaySettings(tokens_jwks=keys.url, tokens_issuer=ISSUER))
        await gate.start()
        yield gate


async def refused(gate: Gate, algorithm: str) -> MeshError:
    with pytest.raises(MeshError) as refusal:
        await gate.admit(bearer(token(algorithm)), STREAM)
    return refusal.value


async def test_a_rotated_key_works_at_once_and_strangers_have_the_server_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys("EdDSA")
    async with served(keys) as gate:
        assert await gate.admit(bearer(token("EdDSA")), STREAM)
        keys.algorithms = ("ES256",)
        for _ in range(20):
            assert isinstance(await refused(gate, "ES256"), Unauthenticated)
        assert keys.asked == 1
        monkeypatch.setattr(keyring, "ASK_AGAIN_SECONDS", 0.0)
        assert await gate.admit(bearer(token("ES256")), STREAM)
        assert (await refused(gate, "EdDSA")).code == "TOKEN_KEY_UNKNOWN"


@pytest.mark.parametrize("status", ["500 Broken", "302 Found"])
async def test_a_server_that_fails_leaves_the_keys_before(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    monkeypatch.setattr(keyring, "ASK_AGAIN_SECONDS", 0.0)
    keys = Keys("EdDSA")
    async with served(keys) as gate:
        keys.status = status
        assert (await refused(gate, "ES256")).code == "TOKEN_KEY_UNKNOWN"
        assert keys.asked == 2
        assert await gate.admit(bearer(token("EdDSA")), STREAM)


async def test_without_any_keys_nobody_is_let_in_and_all_are_told_to_come_again() -> None:
    keys = Keys("EdDSA")
    keys.status = "503 Away"
    async with served(keys) as gate:
        refusal = await refused(gate, "EdDSA")
        assert isinstance(refusal, StageFailed)
        assert refusal.code == "TOKEN_KEYS_UNAVAILABLE"
