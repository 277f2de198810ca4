from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.measuring.issuer import SECRET, bearer, settings, token, write_jwks
from services.common.errors import StageFailed, Unauthenticated
from services.gateway.settings import GatewaySettings
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import STREAM
from services.gateway.tokens.keyring import ASK_AGAIN_SECONDS, Keyring
from services.gateway.tokens.keys import Key, Keys, KeysUnusable

KEY = Key("HS256", b"a secret")


class Played:
    """A source whose answers are set by the test."""

    remote = True
    stamp = ()

    def __init__(self) -> None:
        self.answer: Keys | Exception = {"old": KEY}
        self.asked = 0

    def read(self) -> Keys:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ring_of(played: Any, clock: Clock) -> Keyring:
    return Keyring(played, clock)


async def test_an_unknown_key_is_asked_for_once_in_a_while() -> None:
    played, clock = Played(), Clock()
    ring = ring_of(played, clock)
    await ring.read()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await ring.key("new")
    assert played.asked == 1
    clock.now = ASK_AGAIN_SECONDS
    played.answer = {"new": KEY}
    assert await ring.key("new")
    assert played.asked == 2
    with pytest.raises(Unauthenticated):
        await ring.key("old")  # it was rotated away


async def test_a_source_that_fails_leaves_the_keys_that_were_read() -> None:
    played, clock = Played(), Clock()
    ring = ring_of(played, clock)
    await ring.read()
    clock.now, played.answer = 1000.0, KeysUnusable("gone")
    await ring.keep(300)
    assert played.asked == 2
    assert await ring.key("old")


async def test_without_any_keys_a_caller_is_told_to_come_again() -> None:
    played = Played()
    played.answer = KeysUnusable("not there yet")
    with pytest.raises(StageFailed) as refused:
        await ring_of(played, Clock()).key("any")
    assert refused.value.retry_after_ms


async def test_files_that_change_are_read_again(tmp_path: Path) -> None:
    told: dict[str, Any] = settings(tmp_path)
    gate = Gate(GatewaySettings(**told))
    await gate.start()
    assert (await gate.admit(bearer(token("ES256")), STREAM)).tenant == "acme"
    write_jwks(tmp_path / "keys.jwks", "EdDSA")
    await gate._keyring.keep(300)
    with pytest.raises(Unauthenticated):
        await gate.admit(bearer(token("ES256")), STREAM)
    assert await gate.admit(bearer(token("EdDSA")), STREAM)


async def test_secrets_sign_tokens_too(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(f"HS256:{SECRET}\n")
    gate = Gate(GatewaySettings(tokens_secrets=secrets, tokens_issuer="https://issuer.example"))
    await gate.start()
    assert (await gate.admit(bearer(token("HS256")), STREAM)).tenant == "acme"


async def test_where_no_tokens_are_asked_for_none_is_read() -> None:
    gate = Gate(GatewaySettings())
    assert not gate.on
    assert (await gate.admit((("authorization", "Bearer nonsense"),), STREAM)).tenant == ""


@pytest.mark.parametrize(
    "told",
    [
        {"tokens_jwks": "https://issuer.example/jwks"},
        {"tokens_issuer": "someone"},
        {"tokens_jwks": "http://issuer.example/jwks", "tokens_issuer": "someone"},
        {"tokens_jwks": "/no/such/file", "tokens_issuer": "someone"},
        {"tokens_jwks": "https://a/b", "tokens_issuer": "someone", "tenant_metadata": "x-tenant"},
        {"tokens_jwks": "https://a/b", "tokens_issuer": "someone", "tokens_max_seconds": 3601},
    ],
)
def test_settings_that_contradict_themselves_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # what pydantic raises names the setting
        GatewaySettings(**told)
