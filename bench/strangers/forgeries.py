"""Tokens that should open nothing, each with the name that it is to be refused by."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.measuring.issuer import by_hand, claims, private, public, token

STREAM, TEXT, DESCRIBE, FAULT, OVERVIEW = "Stream", "TranslateText", "Describe", "SimulateFault", "Watch"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call, and how it is to be refused."""

    name: str
    code: str
    shown: tuple[str, ...] = field(repr=False)  # values of `authorization`
    rpc: str = STREAM
    asked: dict[str, Any] = field(default_factory=dict)  # of the hello, or the text


def encoded(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _one(name: str, code: str, made: str, rpc: str = STREAM, **asked: Any) -> Attempt:
    return Attempt(name, code, (f"Bearer {made}",), rpc, asked)


def headers() -> Iterator[Attempt]:
    """What is no token at all."""
    good = token()
    head, body, signature = good.split(".")
    for rpc in (STREAM, TEXT, DESCRIBE, FAULT, OVERVIEW):
        yield Attempt(f"no token, {rpc}", "TOKEN_MISSING", (), rpc)
    yield Attempt("two tokens", "TOKEN_REPEATED", (f"Bearer {good}", f"Bearer {good}"))
    yield Attempt("another scheme", "TOKEN_MALFORMED", ("Basic YWRtaW46YWRtaW4=",))
    yield Attempt("no scheme", "TOKEN_MALFORMED", (good,))
    yield Attempt("an empty header", "TOKEN_MALFORMED", ("",))
    yield Attempt("the scheme alone", "TOKEN_MALFORMED", ("Bearer ",))
    yield _one("larger than a token may be", "TOKEN_TOO_LARGE", "a" * 6000)
    for name, made in (
        ("one word", "nonsense"),
        ("two parts", f"{head}.{body}"),
        ("four parts", f"{good}.{signature}"),
        ("blanks inside", f"{head} .{body}.{signature}"),
        ("a header that is no JSON", f"AAAA.{body}.{signature}"),
        ("a header that is a list", f"{encoded([])}.{body}.{signature}"),
        ("a header nested a thousand deep", f"{encoded_raw(b'[' * 1500)}.{body}.{signature}"),
        ("a key id that is a number", f"{encoded({'alg': 'EdDSA', 'kid': 1})}.{body}.{signature}"),
        ("a critical extension", f"{encoded({'alg': 'EdDSA', 'kid': 'EdDSA', 'crit': ['b64']})}.{body}.{signature}"),
        ("an encrypted token", ".".join(["eyJ", "AA", "AA", "AA", "AA"])),
    ):
        yield _one(name, "TOKEN_MALFORMED", made)


def encoded_raw(value: bytes) -> str:
    """A part of a token, of any bytes."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def keys() -> Iterator[Attempt]:
    """What nobody signed who may."""
    head, body, signature = token().split(".")
    for algorithm in ("none", "None", "nOnE", "HS512", "PS256"):
        made = f"{encoded({'alg': algorithm, 'kid': 'EdDSA'})}.{encoded(claims())}."
        yield _one(f"algorithm {algorithm}", "TOKEN_ALGORITHM", made)
    rsa = private("RS256").public_key()
    pem = rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = {
        "the public key as PEM": pem,
        "the public key as JWK": json.dumps(public("RS256")).encode(),
        "its modulus": public("RS256")["n"].encode(),
        "nothing": b"",
    }
    for name, secret in confused.items():
        made = by_hand(claims(), secret, {"alg": "HS256", "kid": "RS256"})
        yield _one(f"RS256 taken for HS256, signed by {name}", "TOKEN_ALGORITHM", made)
    for signs, named in (("ES256", "EdDSA"), ("EdDSA", "ES256"), ("RS256", "ES256")):
        yield _one(f"{signs} by the id of {named}", "TOKEN_ALGORITHM", token(signs, headers={"kid": named}))
    yield _one("a key id that nobody knows", "TOKEN_KEY_UNKNOWN", token(headers={"kid": "unknown"}))
    yield _one("no key id, of several keys", "TOKEN_KEY_UNKNOWN", token(headers={"kid": ""}))
    yield _one("a key id that is a path", "TOKEN_KEY_UNKNOWN", token(headers={"kid": "../../keys.jwks"}))
    for algorithm in ("EdDSA", "ES256", "RS256"):
        stranger = private(algorithm, "stranger")
        yield _one(f"{algorithm} by another key of that id", "TOKEN_FORGED", token(algorithm, key=stranger))
    own = {"jwk": public("EdDSA", "stranger"), "jku": "http://127.0.0.1/keys", "x5u": "http://127.0.0.1/x"}
    yield _one("a key that comes along", "TOKEN_FORGED", token(key=private("EdDSA", "stranger"), headers=own))
    other = encoded(claims(tenant="other"))
    yield _one("claims that were changed", "TOKEN_FORGED", f"{head}.{other}.{signature}")
    yield _one("the signature left out", "TOKEN_FORGED", f"{head}.{body}.")
    yield _one("the signature of another token", "TOKEN_FORGED", f"{head}.{body}.{token().split('.')[2]}")


def said() -> Iterator[Attempt]:
    """What was signed, and says what it may not."""
    now = time.time()
    for name, code, changed in (
        ("expired", "TOKEN_EXPIRED", {"iat": now - 700, "exp": now - 100}),
        ("not valid yet", "TOKEN_NOT_YET_VALID", {"nbf": now + 100}),
        ("issued in the future", "TOKEN_NOT_YET_VALID", {"iat": now + 100}),
        ("alive for a day", "TOKEN_TOO_LONG_LIVED", {"exp": now + 86_400}),
        ("without an end", "TOKEN_CLAIM", {"exp": None}),
        ("an end that is a word", "TOKEN_CLAIM", {"exp": "tomorrow"}),
        ("an end that is infinite", "TOKEN_CLAIM", {"exp": 1e300}),
        ("without a beginning", "TOKEN_CLAIM", {"iat": None}),
        ("another audience", "TOKEN_AUDIENCE", {"aud": "elsewhere"}),
        ("the audience of handles", "TOKEN_AUDIENCE", {"aud": "babelmesh/resume"}),
        ("without an audience", "TOKEN_AUDIENCE", {"aud": None}),
        ("another issuer", "TOKEN_ISSUER", {"iss": "https://elsewhere.example"}),
        ("without an issuer", "TOKEN_ISSUER", {"iss": None}),
        ("without a tenant", "TOKEN_CLAIM", {"tenant": None}),
        ("a tenant that is a path", "TOKEN_CLAIM", {"tenant": "../other"}),
        ("without a subject", "TOKEN_CLAIM", {"sub": None}),
        ("without an id", "TOKEN_CLAIM", {"jti": None}),
        ("without scopes", "TOKEN_CLAIM", {"scope": None}),
        ("scopes as a list", "TOKEN_CLAIM", {"scope": ["stream"]}),
        ("revoked", "TOKEN_REVOKED", {"jti": "stolen"}),
        ("a quota class that nobody set", "QUOTA_CLASS_UNKNOWN", {"quota": "platinum"}),
        ("a quota of nothing", "QUOTA_EXHAUSTED", {"quota": "nothing"}),
    ):
        yield _one(name, code, token(**changed))


def beyond() -> Iterator[Attempt]:
    """What a good token does not grant."""
    terms: dict[str, Any] = {"glossary": {"terms": [{"source": "a", "translations": {"es": "b"}}]}}
    for rpc, scope in (
        (STREAM, "translate"),
        (TEXT, "stream"),
        (DESCRIBE, "glossary:write"),
        (FAULT, "stream"),
        (OVERVIEW, "stream"),
    ):
        yield _one(f"{rpc} with {scope!r} alone", "SCOPE_MISSING", token(scope=scope), rpc)
    yield _one("own terms in a hello", "SCOPE_MISSING", token(scope="stream"), **terms)
    yield _one("own terms with a text", "SCOPE_MISSING", token(scope="translate"), TEXT, **terms)
    yield _one("another source language", "LANGUAGE_NOT_GRANTED", token(languages=["es", "ca"]))
    yield _one("another target language", "LANGUAGE_NOT_GRANTED", token(languages=["en"]))
    yield _one("another target of a text", "LANGUAGE_NOT_GRANTED", token(languages=["en"]), TEXT)
    yield _one("another voice", "VOICE_NOT_GRANTED", token(voices=["somebody"]))
    yield _one("no language at all", "LANGUAGE_NOT_GRANTED", token(languages=[]))
    kept: dict[str, Any] = {"glossary": {"name": "secret-terms"}}
    yield _one("another tenant's kept glossary", "UNKNOWN_GLOSSARY", token(), **kept)


def attempts() -> list[Attempt]:
    """All of them."""
    return [*headers(), *keys(), *said(), *beyond()]
