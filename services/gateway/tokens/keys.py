"""The keys that sign tokens, read from a JWKS (RFC 7517) or from a file of secrets.

Each key has one algorithm, by its kind: a token that names another one is refused, so that a public key is never taken
for a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from services.common.errors import Unauthenticated
from services.gateway.settings import secrets_by_id
from services.gateway.tokens.claims import Claims, refused

MOST_TOKEN_BYTES = 4096  # of a token; looked at before anything of it is read
MOST_KEYS = 100
_LEAST_RSA_BITS = 2048
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_VALUES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # base64url, by value
# Algorithm by key type and curve.
_ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
# The signature alone: claims.py checks the rest, by a clock that tests can set.
_OPTIONS: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_FORM = "Bearer and one JWT of this deployment"


class KeysUnusable(Exception):
    """A set of keys cannot be used; the message says why, without any of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key with the one algorithm that it is used for."""

    algorithm: str
    key: Any = field(repr=False)


Keys: TypeAlias = Mapping[str, Key]  # by id


def read_jwks(text: str) -> Keys:
    """Read the public keys of a JWKS, by id; those that sign nothing, or by other algorithms, are left out.

    Raises KeysUnusable where none is left, an id is missing or twice there, or a key is none.
    """
    try:
        listed = json.loads(text)["keys"]
        keys = [(each.get("kid"), key) for each in listed if (key := _public(each)) is not None]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError) as error:
        raise KeysUnusable(f"This is no JWKS: {type(error).__name__}.") from None
    named = {kid: key for kid, key in keys if isinstance(kid, str) and kid}
    if not named or len(named) < len(keys) or len(keys) > MOST_KEYS:
        raise KeysUnusable(f"A JWKS has 1 to {MOST_KEYS} keys of EdDSA, ES256 or RS256, each with a kid of its own.")
    return named


def read_secrets(text: str) -> Keys:
    """Read the secrets of HS256, a line `id:secret` each. Raises KeysUnusable."""
    lines = filter(None, (each.strip() for each in text.splitlines()))
    try:
        secrets = secrets_by_id(lines, "Line")
    except ValueError as error:
        raise KeysUnusable(f"{error}.") from None
    if not secrets:
        raise KeysUnusable("The file holds no secret.")
    return {key_id: Key("HS256", secret) for key_id, secret in secrets.items()}


def key_id(token: str) -> str:
    """Return the id of the key that a token says it was signed with, "" for none.

    Raises Unauthenticated for what is no token, for one that is too large, and for an algorithm that is never used.
    """
    if len(token) > MOST_TOKEN_BYTES:
        raise refused("TOKEN_TOO_LARGE", "The token is too large.", f"at most {MOST_TOKEN_BYTES} bytes")
    header = _header(token)
    if header.get("alg") not in (*_ALGORITHMS.values(), "HS256"):
        raise refused("TOKEN_ALGORITHM", "Tokens are not signed that way here.", "EdDSA, ES256, RS256 or HS256")
    found = header.get("kid", "")
    if not isinstance(found, str) or "crit" in header:
        raise _malformed()
    return found


def verified(token: str, key: Key) -> Claims:
    """Return the claims of a token that a key signed. Raises Unauthenticated."""
    if _header(token).get("alg") != key.algorithm:
        raise refused("TOKEN_ALGORITHM", "The token's key is for another algorithm.", "the algorithm of the key")
    try:
        claims: Claims = jwt.decode(token, key.key, [key.algorithm], options=_OPTIONS)
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
        raise refused("TOKEN_FORGED", "The token was not signed by that key.", "a token as it was issued") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise _malformed() from None
    return claims


def bearer(values: list[str]) -> str:
    """Return the token of the values of `authorization`. Raises Unauthenticated unless it is one, as Bearer."""
    if not values:
        raise refused("TOKEN_MISSING", "This server asks for a token.", _FORM)
    if len(values) > 1:
        raise refused("TOKEN_REPEATED", "The call has several tokens.", "one token")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _malformed()
    return token


def _header(token: str) -> Mapping[str, Any]:
    if not _COMPACT.fullmatch(token) or not all(map(_canonical, token.split("."))):
        raise _malformed()
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise _malformed() from None


def _canonical(part: str) -> bool:
    """Return whether base64url is written as it has to be: no bits are left over, so a token has one form."""
    left = len(part) % 4
    return left != 1 and (not left or _VALUES.index(part[-1]) % (16 if left == 2 else 4) == 0)


def _malformed() -> Unauthenticated:
    return refused("TOKEN_MALFORMED", "This is no token.", _FORM)


def _public(jwk: Mapping[str, Any]) -> Key | None:
    """Return the key of one entry; None for one that is for something else. A secret among them is refused."""
    if jwk.get("kty") == "oct":
        raise KeysUnusable("A JWKS holds public keys; secrets have a file of their own.")
    algorithm = _ALGORITHMS.get((str(jwk.get("kty")), jwk.get("crv")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    if "verify" not in jwk.get("key_ops", ["verify"]):
        return None
    public = {name: value for name, value in jwk.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}
    key = jwt.PyJWK(public, algorithm).key
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        raise KeysUnusable(f"An RSA key has less than {_LEAST_RSA_BITS} bits.")
    return Key(algorithm, key)
