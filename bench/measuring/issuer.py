"""An issuer of tokens, as tests and benches need one: keys of each kind, and tokens with anything in them."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

ISSUER = "https://issuer.example"
SECRET = "a secret of more than thirty-two bytes"
_ALGORITHMS: dict[str, Any] = {"EdDSA": OKPAlgorithm, "ES256": ECAlgorithm, "RS256": RSAAlgorithm}


def private(algorithm: str, name: str = "") -> Any:
    """A key of its own for each algorithm and name."""
    return _private(algorithm, name)


@cache
def _private(algorithm: str, name: str) -> Any:
    if algorithm == "RS256":
        return rsa.generate_private_key(65_537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def public(algorithm: str, name: str = "", **more: Any) -> dict[str, Any]:
    """The public half as an entry of a JWKS; its id is the algorithm's, and the name."""
    jwk = json.loads(_ALGORITHMS[algorithm].to_jwk(private(algorithm, name).public_key()))
    jwk.pop("key_ops", None)
    return {**jwk, "kid": algorithm + name, "use": "sig", **more}


def write_jwks(path: Path, *algorithms: str) -> Path:
    """Write the public keys of some algorithms; of all without any."""
    path.write_text(json.dumps({"keys": [public(each) for each in algorithms or _ALGORITHMS]}))
    return path


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token, some of them changed; those that are None are left out."""
    now = time.time()
    said = {
        "iss": ISSUER,
        "aud": "babelmesh",
        "sub": "someone",
        "tenant": "acme",
        "scope": "stream translate describe glossary:write",
        "iat": now - 1,
        "exp": now + 600,
        "jti": uuid.uuid4().hex,
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(algorithm: str = "EdDSA", key: Any = None, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    """A token that the issuer signed; with `key`, one that somebody else did."""
    signs = key or (SECRET if algorithm == "HS256" else private(algorithm))
    return jwt.encode(claims(**changed), signs, algorithm, headers={"kid": algorithm, **(headers or {})})


def by_hand(said: dict[str, Any], secret: bytes, headers: dict[str, Any]) -> str:
    """A token as somebody makes it who minds no rules: signed by HMAC, whatever its headers say."""
    parts = [base64url_encode(json.dumps(each).encode()) for each in (headers, said)]
    signature = hmac.digest(secret, b".".join(parts), "sha256")
    return b".".join([*parts, base64url_encode(signature)]).decode()


def bearer(made: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token."""
    return (("authorization", f"Bearer {made}"),)


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """The settings of a gateway that takes the issuer's tokens."""
    return {"tokens_jwks": str(write_jwks(folder / "keys.jwks")), "tokens_issuer": ISSUER, **more}
