from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from babelmesh.cli import issuing, tokens
from babelmesh.cli.main import app
from babelmesh.client.errors import AddressUnusable, BabelmeshError, TokenUnusable
from babelmesh.client.tokens import Bearer, Token

WRONG = [["--expires", "2h"], ["--expires", "soon"], ["--scope", "everything"], ["--role", "king"]]


async def asked(token: Token | None) -> tuple[tuple[str, str], ...]:
    return await Bearer(token).authorized((("traceparent", "00"),))


async def later() -> str:
    return "a.b.c\n"


@pytest.mark.parametrize("token", ["a.b.c", lambda: "a.b.c", later])
async def test_a_call_carries_the_token_of_now(token: str | Callable[[], Awaitable[str]]) -> None:
    assert await asked(token) == (("traceparent", "00"), ("authorization", "Bearer a.b.c"))


async def test_without_a_token_a_call_carries_none() -> None:
    assert await asked(None) == (("traceparent", "00"),)


@pytest.mark.parametrize("token", ["", " ", "a\nb", "é"])
async def test_what_cannot_be_a_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(TokenUnusable) as refused:
        await asked(token)
    assert not token.strip() or token not in str(refused.value)


def test_a_token_is_not_in_what_its_bearer_is_printed_as() -> None:
    assert "quokka" not in repr(Bearer("quokka"))


@pytest.mark.parametrize("address", ["grpcs://mesh.example:443", "localhost:7700", "127.0.0.1:7700", "[::1]:7700"])
def test_a_token_goes_over_tls_or_stays_on_this_machine(address: str) -> None:
    Bearer("a").require_private([address])


@pytest.mark.parametrize("address", ["mesh.example:7700", "192.0.2.7:7700", "localhost.example:7700"])
def test_a_token_is_not_sent_over_plaintext(address: str) -> None:
    with pytest.raises(AddressUnusable) as refused:
        Bearer("a").require_private([address])
    assert f"grpcs://{address}" in str(refused.value)
    Bearer().require_private([address])


def test_a_token_is_made_with_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "dev.key"
    words = ["token", "--tenant", "acme", "--key", str(key), "--scope", "stream", "--expires", "5m", "--language", "es"]
    words += ["--room", "hall", "--role", "listener"]
    first, second = (CliRunner().invoke(app, words) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "GATEWAY_TOKENS_JWKS=" in first.stderr
    assert second.stderr == ""
    jwks = jwt.PyJWKSet.from_json(issuing.jwks_path(key).read_text())
    for made in (first.stdout.strip(), second.stdout.strip()):
        said = jwt.decode(made, jwks.keys[0].key, ["EdDSA"], audience="babelmesh", issuer="development")
        assert (said["tenant"], said["scope"], said["languages"]) == ("acme", "stream", ["es"])
        assert (said["room"], said["role"]) == ("hall", "listener")
        assert said["exp"] - said["iat"] == 300


@pytest.mark.parametrize("words", WRONG)
def test_what_no_token_can_say_is_a_usage_error(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(app, ["token", "--tenant", "acme", "--key", str(tmp_path / "key"), *words])
    assert done.exit_code == 2
    assert not (tmp_path / "key").exists()


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key"
    issuing.development_key(key)
    key.chmod(0o644)
    with pytest.raises(TokenUnusable):
        issuing.development_key(key)
    key.chmod(0o600)
    key.write_text("nonsense")
    with pytest.raises(BabelmeshError):
        issuing.development_key(key)


async def test_the_file_of_a_token_is_read_for_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    monkeypatch.setenv(tokens.VARIABLE, "from.the.environment")
    assert (await tokens.metadata("localhost:1"))[0][1] == "Bearer from.the.environment"
    tokens.use(path)
    try:
        for made in ("a.b.c", "d.e.f"):
            path.write_text(f"{made}\n")
            assert await tokens.metadata("localhost:1") == (("authorization", f"Bearer {made}"),)
        path.unlink()
        with pytest.raises(TokenUnusable):
            await tokens.metadata("localhost:1")
    finally:
        tokens.use(None)
