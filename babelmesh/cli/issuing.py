"""Makes tokens for development: an Ed25519 key in a private file, its public half as a JWKS, and tokens it signs.

In production an identity provider issues tokens; the gateway needs nothing of it but its public keys.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jwt
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.utils import base64url_encode

from babelmesh.cli.private import private_folder, replacing
from babelmesh.client.errors import TokenUnusable

ROLES = ("listener", "speaker", "moderator")
SCOPES = ("stream", "translate", "describe", "glossary:write", "operate")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d{1,5})([smh])")
LONGEST_SECONDS = 3600
_KEY_ID = "development"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token for development says."""

    issuer: str
    audience: str
    tenant: str
    subject: str
    scopes: Sequence[str]
    seconds: int
    languages: Sequence[str] = ()  # none: all
    voices: Sequence[str] = ()  # none: all
    quota: str = ""  # quota class; empty: the default
    room: str = ""  # the only one; empty: any
    role: str = ""  # in rooms, the highest; empty: any


def issued(key: Ed25519PrivateKey, claims: Claims) -> str:
    """Return a token that a key signs, valid from now on."""
    now = int(time.time())
    said: dict[str, object] = {
        "iss": claims.issuer,
        "aud": claims.audience,
        "sub": claims.subject,
        "tenant": claims.tenant,
        "scope": " ".join(claims.scopes),
        "iat": now,
        "nbf": now,
        "exp": now + claims.seconds,
        "jti": uuid.uuid4().hex,
    }
    optional = {
        "languages": list(claims.languages),
        "voices": list(claims.voices),
        "quota": claims.quota,
        "room": claims.room,
        "role": claims.role,
    }
    said.update({name: value for name, value in optional.items() if value})
    return jwt.encode(said, key, "EdDSA", headers={"kid": _KEY_ID})


def development_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file, made with its JWKS where it is missing. Raises TokenUnusable or OutputUnwritable."""
    if path.exists():
        return _read(path)
    key = Ed25519PrivateKey.generate()
    private_folder(path.parent)
    with replacing(path) as unfinished:
        unfinished.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with replacing(jwks_path(path)) as unfinished:
        unfinished.write_text(jwks(key))
    return key


def jwks_path(path: Path) -> Path:
    """Return where the public half of a key is kept: beside it, as NAME.jwks."""
    return path.with_name(f"{path.name}.jwks")


def jwks(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as a JWKS."""
    public = base64url_encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": _KEY_ID, "use": "sig", "x": public}]}) + "\n"


def seconds(text: str) -> int:
    """Parse `--expires`: 90s, 15m or 1h. Raises typer.BadParameter."""
    found = _DURATION.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= length <= LONGEST_SECONDS:
        raise typer.BadParameter(f"{text!r} is not like 90s, 15m or 1h, and at most 1h", param_hint="--expires")
    return length


def scopes(asked: Sequence[str]) -> Sequence[str]:
    """Parse each `--scope`; all but "operate" without any. Raises typer.BadParameter."""
    for each in asked:
        if each not in SCOPES:
            raise typer.BadParameter(f"{each!r} is not one of {', '.join(SCOPES)}", param_hint="--scope")
    return asked or SCOPES[:-1]


def role(asked: str) -> str:
    """Parse `--role`; empty for any. Raises typer.BadParameter."""
    if asked and asked not in ROLES:
        raise typer.BadParameter(f"{asked!r} is not one of {', '.join(ROLES)}", param_hint="--role")
    return asked


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise TokenUnusable(f"{path} can be read by others; `chmod 600` it, or name another file.")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise TokenUnusable(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise TokenUnusable(f"{path} holds no private key. Accepted: PEM, as this command writes it.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise TokenUnusable(f"{path} holds another kind of key. Accepted: Ed25519.")
    return key
