from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bench.measuring.issuer import SECRET, by_hand, claims, private, public, token
from services.common.errors import Unauthenticated
from services.gateway.tokens.keys import Key, KeysUnusable, bearer, key_id, read_jwks, read_secrets, verified


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwks(*entries: dict[str, Any]) -> str:
    return json.dumps({"keys": entries})


def code(made: str, key: Key | None = None) -> str:
    with pytest.raises(Unauthenticated) as refused:
        verified(made, key or read_jwks(jwks(public("EdDSA")))["EdDSA"])
    return refused.value.code


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_a_token_is_read_by_the_public_key_it_names(algorithm: str) -> None:
    made = token(algorithm)
    assert key_id(made) == algorithm
    assert verified(made, read_jwks(jwks(public(algorithm)))[algorithm])["tenant"] == "acme"


def test_a_token_is_read_by_its_secret() -> None:
    assert verified(token("HS256"), read_secrets(f"HS256:{SECRET}\n")["HS256"])["tenant"] == "acme"


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    keys = read_jwks(jwks(public("RS256")))
    for secret in (json.dumps(public("RS256")), public("RS256")["n"]):
        confused = by_hand(claims(), secret.encode(), {"alg": "HS256", "kid": "RS256"})
        assert code(confused, keys["RS256"]) == "TOKEN_ALGORITHM"


def test_a_token_by_another_key_of_the_same_id_is_forged() -> None:
    assert code(token(key=private("EdDSA", "mine"))) == "TOKEN_FORGED"
    head, body, signature = token().split(".")
    assert code(f"{head}.{encoded({'tenant': 'other'})}.{signature}") == "TOKEN_FORGED"
    assert code(f"{head}.{body}.") == "TOKEN_FORGED"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "ES512", "PS256", 7, None, ["EdDSA"]])
def test_a_token_in_any_other_algorithm_is_refused(algorithm: Any) -> None:
    made = f"{encoded({'alg': algorithm, 'kid': 'EdDSA'})}.{encoded({'tenant': 'acme'})}."
    with pytest.raises(Unauthenticated) as refused:
        key_id(made)
    assert refused.value.code in ("TOKEN_ALGORITHM", "TOKEN_MALFORMED")


@pytest.mark.parametrize(
    "made",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c",
        "a b.c.d",
        "é.b.c",
        f"{encoded([])}.e30.",
        f"{encoded('x')}.e30.",
        "[" * 3000,
        base64.urlsafe_b64encode(b"[" * 2000).decode().rstrip("=") + ".e30.",
        f"{encoded({'alg': 'EdDSA', 'kid': 7})}.e30.",
        f"{encoded({'alg': 'EdDSA', 'kid': 'EdDSA', 'crit': ['b64'], 'b64': False})}.e30.",
    ],
)
def test_what_is_no_token_is_refused(made: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        key_id(made)
    assert refused.value.code == "TOKEN_MALFORMED"


def test_a_large_token_is_refused_before_it_is_read() -> None:
    with pytest.raises(Unauthenticated) as refused:
        key_id("a" * 4097)
    assert refused.value.code == "TOKEN_TOO_LARGE"


@pytest.mark.parametrize(
    ("values", "refused_as"),
    [
        ([], "TOKEN_MISSING"),
        (["Bearer a.b.c", "Bearer a.b.c"], "TOKEN_REPEATED"),
        (["Basic YTpi"], "TOKEN_MALFORMED"),
        (["Bearer"], "TOKEN_MALFORMED"),
        ([""], "TOKEN_MALFORMED"),
    ],
)
def test_a_call_has_one_token_behind_the_word_bearer(values: list[str], refused_as: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        bearer(values)
    assert refused.value.code == refused_as
    assert bearer(["bearer a.b.c"]) == "a.b.c"


def test_no_refusal_holds_any_of_the_token() -> None:
    made = token(key=private("EdDSA", "mine"))
    with pytest.raises(Unauthenticated) as refused:
        verified(made, read_jwks(jwks(public("EdDSA")))["EdDSA"])
    assert not [part for part in made.split(".") if part in str(refused.value) + repr(refused.value)]


def test_keys_for_something_else_are_left_out() -> None:
    encrypts = public("RS256") | {"kid": "e", "use": "enc"}
    assert list(read_jwks(jwks(public("EdDSA"), encrypts, {"kty": "EC", "crv": "P-521", "kid": "x"}))) == ["EdDSA"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        jwks(),
        jwks({**public("EdDSA"), "kid": None}),
        jwks(public("EdDSA"), public("EdDSA")),
        jwks({"kty": "oct", "k": "c2VjcmV0", "kid": "s"}),
        jwks({**public("EdDSA"), "x": "AAAA"}),
        jwks({**public("RS256"), "n": "AQAB"}),
    ],
)
def test_a_set_of_keys_that_cannot_be_trusted_is_refused(text: str) -> None:
    with pytest.raises(KeysUnusable):
        read_jwks(text)


@pytest.mark.parametrize("text", ["", "short:secret", f":{SECRET}", f"a:{SECRET}\na:{SECRET}"])
def test_secrets_are_long_and_named_once(text: str) -> None:
    with pytest.raises(KeysUnusable) as refused:
        read_secrets(text)
    assert SECRET not in str(refused.value)
