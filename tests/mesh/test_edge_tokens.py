"""The edge before a gateway that asks for tokens: it shows those of its clients, and says what is wrong with them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.algorithms import OKPAlgorithm

from bench.measuring.issuer import private, settings, token
from services.common.errors import InvalidArgument
from services.edge.doors.minting import signing_key
from tests.mesh.edge import connect, edge_port, hello, say, talk, typed, until
from tests.mesh.test_edge_doors import MARKER, bearer, refusal
from tests.mesh.test_edge_rest import call


async def test_a_token_in_the_header_or_as_a_subprotocol_opens_a_session(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA')}"}
        async with connect(port, additional_headers=header) as socket:
            await say(socket, hello("es"), typed("good morning"))
            assert (await until(socket, "final_translation"))["text"] == "good-es morning-es"
        async with connect(port, subprotocols=[MARKER, bearer(token("EdDSA"))]) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")


async def test_a_token_that_opens_nothing_is_refused_by_name_before_the_upgrade(tmp_path: Path) -> None:
    then = time.time() - 600
    async with edge_port(**settings(tmp_path)) as port:
        assert await refusal(port) == (401, "TOKEN_MISSING", None)
        for told, status, code in (
            ({"iat": then, "exp": then + 60}, 401, "TOKEN_EXPIRED"),
            ({"aud": "another"}, 401, "TOKEN_AUDIENCE"),
            ({"scope": "operate"}, 403, "SCOPE_MISSING"),  # it is described what there is before a session opens
        ):
            header = {"Authorization": f"Bearer {token('EdDSA', **told)}"}
            assert await refusal(port, additional_headers=header) == (status, code, None)


async def test_a_session_needs_no_other_scope_than_its_own(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA', scope='stream')}"}
        async with connect(port, additional_headers=header) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")


async def test_a_session_without_its_scope_is_refused_by_name(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA', scope='describe')}"}
        got = await talk(port, hello("es"), additional_headers=header)
    assert (got.error()["code"], got.code) == ("SCOPE_MISSING", 4003)


SECRETS = "/v1/realtime/translations/client_secrets"


def key_file(folder: Path, **changed: Any) -> Path:
    """The issuer's private key as a file of the edge's."""
    path = folder / "signing.jwk"
    told = {**json.loads(OKPAlgorithm.to_jwk(private("EdDSA"))), "kid": "EdDSA", **changed}
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not None}))
    return path


async def secret(port: int, bearer_: str, **asked: Any) -> tuple[int, dict[str, Any]]:
    return await call(port, SECRETS, asked, Authorization=f"Bearer {bearer_}")


async def test_a_client_secret_is_a_part_of_its_clients_token_and_opens_a_session(tmp_path: Path) -> None:
    of_client = token("EdDSA", languages=["en", "es"], jti="mine")
    async with edge_port({"token_signing_key": key_file(tmp_path)}, **settings(tmp_path)) as port:
        status, told = await secret(port, of_client, expires_after={"anchor": "created_at", "seconds": 60})
        claims = jwt.decode(told["value"], options={"verify_signature": False})
        async with connect(port, subprotocols=[MARKER, bearer(told["value"])]) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")
        got = await talk(port, hello("fr"), additional_headers={"Authorization": f"Bearer {told['value']}"})
        refused, _ = await call(
            port,
            "/v1/translate",
            {"source_lang": "en", "target_lang": "es", "text": "a"},
            Authorization=f"Bearer {told['value']}",
        )
    assert status == 200
    assert (claims["tenant"], claims["scope"], claims["languages"]) == ("acme", "stream", ["en", "es"])
    assert claims["jti"] != "mine"
    assert abs(claims["exp"] - time.time() - 60) < 30
    assert told["expires_at"] == claims["exp"]
    assert got.error()["code"] == "LANGUAGE_NOT_GRANTED"
    assert refused == 403  # a text needs another scope


async def test_a_client_secret_does_not_outlive_its_clients_token_and_grants_no_more(tmp_path: Path) -> None:
    async with edge_port({"token_signing_key": key_file(tmp_path)}, **settings(tmp_path)) as port:
        ends = int(time.time()) + 100
        _, told = await secret(port, token("EdDSA", exp=ends))
        assert told["expires_at"] == ends
        status, problem = await secret(port, token("EdDSA", scope="translate"))
        assert (status, problem["title"]) == (403, "SCOPE_MISSING")
        status, problem = await secret(port, "nonsense")
        assert (status, problem["title"]) == (401, "TOKEN_MALFORMED")
        status, problem = await secret(port, token("EdDSA"), expires_after={"seconds": 1})
        assert (status, problem["field"]) == (400, "expires_after.seconds")


async def test_without_a_key_no_token_of_a_client_is_given_away(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        status, problem = await secret(port, token("EdDSA"))
        assert (status, problem["title"], problem["accepted"]) == (
            501,
            "SECRETS_NOT_MINTED",
            ["EDGE_TOKEN_SIGNING_KEY"],
        )
        assert (await call(port, SECRETS, {}, Authorization=""))[0] == 401


@pytest.mark.parametrize("changed", [{"kid": None}, {"d": None}, {"kty": "odd"}, {"x": 5}])
def test_a_file_without_a_private_key_is_refused_at_the_start(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        signing_key(key_file(tmp_path, **changed))
    assert refused.value.field == "EDGE_TOKEN_SIGNING_KEY"
