"""Short-lived tokens that the edge signs for pages of a client, each no more than a part of that client's own token."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from services.common.errors import InvalidArgument, PermissionDenied
from services.edge.faults import Fault

MOST_SECONDS = 600
LEAST_SECONDS = 10
STREAM = "stream"
_KEPT = ("iss", "aud", "sub", "tenant", "languages", "voices", "quota", "room", "role")  # all that bounds a token
_ALGORITHMS = ("EdDSA", "ES256", "RS256", "HS256")  # as the gateway takes them


@dataclass(frozen=True, slots=True)
class Minted:
    """A token, and when it ends, in seconds of Unix time."""

    value: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that the gateway knows, its public half or the same secret."""

    jwk: jwt.PyJWK
    key_id: str

    def mint(self, token: str, seconds: int) -> Minted:
        """Sign a token for one part of what a client's token grants, which the gateway has just checked.

        Tenant, subject, languages, voices, quota, room and role stay; of the scopes `stream` does; and it ends when
        the other does, if not before. Raises PermissionDenied where that lacks the scope, and Fault where it cannot
        be read.
        """
        now = int(time.time())
        claims = _claims(token)
        if STREAM not in str(claims.get("scope", "")).split():
            raise PermissionDenied("SCOPE_MISSING", "The token may open no session.", "authorization", [STREAM])
        expires = min(now + seconds, int(claims["exp"]))
        told = {name: claims[name] for name in _KEPT if name in claims}
        told |= {"scope": STREAM, "iat": min(now, expires - 1), "exp": expires, "jti": uuid.uuid4().hex}
        signed = jwt.encode(told, self.jwk.key, self.jwk.algorithm_name, headers={"kid": self.key_id})
        return Minted(signed, expires)


def signing_key(path: Path) -> SigningKey:
    """Return the private key in a file, a JWK with a `kid`. Raises InvalidArgument, without any of it."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        key = jwt.PyJWK(told)
    except (OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError):
        raise _unusable("The file holds no JWK.") from None
    if key.algorithm_name not in _ALGORITHMS or not told.get("kid") or not ("d" in told or "k" in told):
        raise _unusable("The file holds no private key with an id.")
    return SigningKey(key, str(told["kid"]))


def _unusable(message: str) -> InvalidArgument:
    accepted = [f"a private JWK of {', '.join(_ALGORITHMS)} with a kid"]
    return InvalidArgument("SIGNING_KEY_UNUSABLE", message, "EDGE_TOKEN_SIGNING_KEY", accepted)


def _claims(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        int(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError):
        raise Fault(401, "TOKEN_MALFORMED", "This is no token.", "authorization", ("Bearer and one JWT",)) from None
    return claims
