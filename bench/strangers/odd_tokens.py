"""More tokens that should open nothing: odd headers, keys, claims and names, each with what it is to be refused by."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt

from bench.measuring.issuer import claims, private, token
from bench.strangers.forgeries import TEXT, Attempt, encoded, encoded_raw

_MALFORMED, _ALGORITHM, _UNKNOWN = "TOKEN_MALFORMED", "TOKEN_ALGORITHM", "TOKEN_KEY_UNKNOWN"
_FORGED, _CLAIM, _AUDIENCE = "TOKEN_FORGED", "TOKEN_CLAIM", "TOKEN_AUDIENCE"


def odd_headers() -> Iterator[Attempt]:
    """One header, written oddly."""
    good = token()
    head, body, signature = good.split(".")
    spare = signature[:-1] + chr(ord(signature[-1]) + 1)  # the bits that are left over, of which one decoder minds none
    for name, value in (
        ("two tokens with a comma between", f"Bearer {good}, Bearer {good}"),
        ("two blanks", f"Bearer  {good}"),
        ("quotes around it", f'Bearer "{good}"'),
        ("padding behind it", f"Bearer {good}=="),
        ("a parameter behind it", f"Bearer {good};a=b"),
        ("the same signature in other letters", f"Bearer {head}.{body}.{spare}"),
    ):
        yield Attempt(name, _MALFORMED, (value,))


def odd_keys() -> Iterator[Attempt]:
    """Headers of tokens that name keys and algorithms oddly."""
    _, body, signature = token().split(".")
    for name, code, header in (
        ("a list of algorithms", _ALGORITHM, {"alg": ["EdDSA"], "kid": "EdDSA"}),
        ("no algorithm", _ALGORITHM, {"kid": "EdDSA"}),
        ("an algorithm that is null", _ALGORITHM, {"alg": None, "kid": "EdDSA"}),
        ("an algorithm in small letters", _ALGORITHM, {"alg": "eddsa", "kid": "EdDSA"}),
        ("ES256K", _ALGORITHM, {"alg": "ES256K", "kid": "ES256"}),
        ("an empty list of critical extensions", _MALFORMED, {"alg": "EdDSA", "kid": "EdDSA", "crit": []}),
        ("b64 as critical", _MALFORMED, {"alg": "EdDSA", "kid": "EdDSA", "b64": False, "crit": ["b64"]}),
        ("b64 without it", _MALFORMED, {"alg": "EdDSA", "kid": "EdDSA", "b64": False}),
        ("a key id that is a list", _MALFORMED, {"alg": "EdDSA", "kid": ["EdDSA"]}),
        ("a key id in small letters", _UNKNOWN, {"alg": "EdDSA", "kid": "eddsa"}),
        ("a key id with a blank behind", _UNKNOWN, {"alg": "EdDSA", "kid": "EdDSA "}),
        ("a key id with a zero byte", _UNKNOWN, {"alg": "EdDSA", "kid": "EdDSA\0"}),
        ("a key id that is an URL", _UNKNOWN, {"alg": "EdDSA", "kid": "http://127.0.0.1/keys"}),
        ("a key id that is a file", _UNKNOWN, {"alg": "HS256", "kid": "/dev/null"}),
        ("a key id that is a query", _UNKNOWN, {"alg": "EdDSA", "kid": "' or '1'='1"}),
        ("a key id of two thousand letters", _UNKNOWN, {"alg": "EdDSA", "kid": "k" * 2000}),
        ("compressed claims", _FORGED, {"alg": "EdDSA", "kid": "EdDSA", "zip": "DEF"}),
    ):
        yield Attempt(name, code, (f"Bearer {encoded(header)}.{body}.{signature}",))
    for name, code, raw in (
        ("two algorithms, none first", _FORGED, b'{"alg":"none","alg":"EdDSA","kid":"EdDSA"}'),
        ("two algorithms, none last", _ALGORITHM, b'{"alg":"EdDSA","alg":"none","kid":"EdDSA"}'),
    ):
        yield Attempt(name, code, (f"Bearer {encoded_raw(raw)}.{body}.{signature}",))
    yield Attempt(
        "claims that are a list", _FORGED, (f"Bearer {token().split('.')[0]}.{encoded([claims()])}.{signature}",)
    )


def odd_claims() -> Iterator[Attempt]:
    """What was signed, and is of another kind than it may be."""
    for name, code, changed in _claims(time.time()):
        yield Attempt(name, code, (f"Bearer {signed(changed)}",))
    for name, code, granted in (
        ("languages that begin like another", "LANGUAGE_NOT_GRANTED", {"languages": ["e", "en-US"]}),
        ("a language of another script", "LANGUAGE_NOT_GRANTED", {"languages": ["en", "es-Latn-MX", "\u0435s"][::2]}),
        ("every language but by a star", "LANGUAGE_NOT_GRANTED", {"languages": ["*"]}),
        ("the scope of operators alone", "SCOPE_MISSING", {"scope": "operate describe"}),
    ):
        yield Attempt(name, code, (f"Bearer {token(**granted)}",))
    yield Attempt("a text with the scope of operators", "SCOPE_MISSING", (f"Bearer {token(scope='operate')}",), TEXT)


def _claims(now: float) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return claims that are changed, with what each is refused by."""
    return (
        ("audiences without ours", _AUDIENCE, {"aud": ["elsewhere", "babelmesh/resume"]}),
        ("audiences in a list in a list", _AUDIENCE, {"aud": [["babelmesh"]]}),
        ("an audience that is a map", _AUDIENCE, {"aud": {"babelmesh": True}}),
        ("an audience in capitals", _AUDIENCE, {"aud": "BABELMESH"}),
        ("a list of issuers", "TOKEN_ISSUER", {"iss": ["https://issuer.example"]}),
        ("an issuer with a slash behind", "TOKEN_ISSUER", {"iss": "https://issuer.example/"}),
        ("an end in digits of text", _CLAIM, {"exp": str(int(now + 600))}),
        ("an end that is true", _CLAIM, {"exp": True}),
        ("an end before time", _CLAIM, {"exp": -1}),
        ("an end that is no number", _CLAIM, {"exp": float("nan")}),
        ("an end before its beginning", "TOKEN_TOO_LONG_LIVED", {"iat": now, "exp": now - 1}),
        ("a beginning behind the skew", "TOKEN_NOT_YET_VALID", {"nbf": now + 90.5}),
        ("a beginning in digits of text", _CLAIM, {"nbf": str(int(now))}),
        ("a beginning that is a list", _CLAIM, {"iat": [now]}),
        ("a tenant of two lines", _CLAIM, {"tenant": "acme\nother"}),
        ("a tenant in look-alike letters", _CLAIM, {"tenant": "\u0430cme"}),
        ("a tenant of 129 letters", _CLAIM, {"tenant": "a" * 129}),
        ("a tenant as a label", _CLAIM, {"tenant": 'a",tenant_class="gold'}),
        ("a tenant that is empty", _CLAIM, {"tenant": ""}),
        ("a list of tenants", _CLAIM, {"tenant": ["acme", "other"]}),
        ("a quota class with a line's end", _CLAIM, {"quota": "one\n"}),
        ("a quota class that is a map", _CLAIM, {"quota": {"sessions": 1000}}),
        ("languages as a text", _CLAIM, {"languages": "en es"}),
        ("languages with null", _CLAIM, {"languages": ["en", None]}),
        ("201 languages", _CLAIM, {"languages": ["en"] * 201}),
        ("voices as a map", _CLAIM, {"voices": {"es-1": True}}),
        ("scopes with commas", _CLAIM, {"scope": "stream,operate"}),
        ("scopes in capitals", _CLAIM, {"scope": "STREAM"}),
        ("an id that is a number", _CLAIM, {"jti": 7}),
        ("a subject of 257 letters", _CLAIM, {"sub": "s" * 257}),
    )


def signed(changed: dict[str, Any]) -> str:
    """Return a token of the issuer's, of claims that its library would refuse to sign."""
    said = json.dumps(claims(**changed)).encode()
    return jwt.PyJWS().encode(said, private("EdDSA"), "EdDSA", headers={"kid": "EdDSA", "typ": "JWT"})


def odd_attempts() -> list[Attempt]:
    """All of them."""
    return [*odd_headers(), *odd_keys(), *odd_claims()]
