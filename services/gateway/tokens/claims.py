"""From the claims of a token, whose signature was checked, to what it grants. Pure.

A token has to have `iss`, `aud`, `sub`, `iat`, `exp`, `tenant` and `scope` (words with blanks between them, RFC 8693,
4.2). It may have `nbf`, `jti`, `languages` and `voices` (lists), and `quota` (the name of a quota class).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from services.common.errors import Unauthenticated
from services.gateway.tokens.grants import AUTHORIZATION, DEFAULT_CLASS, SCOPES, Bounds, Grant

Claims: TypeAlias = Mapping[str, Any]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@|-]{0,127}")  # of tenants and quota classes
_LONGEST = 256  # characters of a subject, a token's id, a language or a voice
_MOST = 200  # languages or voices
_LAST_INSTANT = 1e12  # seconds since 1970; neither infinity nor what is no number is before it


@dataclass(frozen=True, slots=True)
class Expected:
    """What the tokens of a deployment have to say."""

    issuer: str
    audience: str
    max_seconds: float  # from `iat` to `exp`
    skew_seconds: float  # by which the issuer's clock may differ from ours
    with_id: bool = False  # whether they need a `jti`, by which they can be revoked


def granted(claims: Claims, expected: Expected, now: float) -> Grant:
    """Return what a token grants at a moment of the wall clock. Raises Unauthenticated naming what is wrong."""
    if claims.get("iss") != expected.issuer:
        raise refused("TOKEN_ISSUER", "The token is from another issuer.", "iss as this deployment expects it")
    if expected.audience not in _audiences(claims.get("aud")):
        message = "The token is for another audience."
        raise refused("TOKEN_AUDIENCE", message, f"aud with {expected.audience!r} in it")
    expires = _lifetime(claims, expected, now)
    scope = claims.get("scope")
    if not isinstance(scope, str) or not set(scope.split()) & set(SCOPES):
        raise _wrong("scope", f"words with blanks between them, of {', '.join(SCOPES)}")
    return Grant(
        _name(claims, "tenant"),
        _text(claims, "sub", required=True),
        _text(claims, "jti", required=expected.with_id),
        frozenset(scope.split()),
        Bounds(_texts(claims, "languages"), _texts(claims, "voices")),
        _name(claims, "quota") if "quota" in claims else DEFAULT_CLASS,
        expires,
    )


def refused(code: str, message: str, *accepted: str) -> Unauthenticated:
    """Return the refusal of a token, which never holds any of it."""
    return Unauthenticated(code, message, AUTHORIZATION, accepted)


def _lifetime(claims: Claims, expected: Expected, now: float) -> float:
    """Check when a token was made, begins and ends; return when it ends."""
    issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
    begins = _instant(claims, "nbf") if "nbf" in claims else issued
    skew = expected.skew_seconds
    if not 0 < expires - issued <= expected.max_seconds:
        message = "The token would live longer than tokens may here, or ends before it begins."
        raise refused("TOKEN_TOO_LONG_LIVED", message, f"exp at most {expected.max_seconds:g} s after iat")
    if expires + skew <= now:
        raise refused("TOKEN_EXPIRED", "The token has expired.", "a fresh token")
    if max(begins, issued) - skew > now:
        raise refused("TOKEN_NOT_YET_VALID", "The token is not valid yet.", "a token whose nbf and iat have passed")
    return expires


def _audiences(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _instant(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST_INSTANT:
        raise _wrong(name, "seconds since 1970 (a number)")
    return float(value)


def _name(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise _wrong(name, "1 to 128 letters, digits and _ . : @ | -, a letter or digit first")
    return value


def _text(claims: Claims, name: str, required: bool) -> str:
    value = claims.get(name, None if required else "")
    if not isinstance(value, str) or len(value) > _LONGEST or (required and not value):
        raise _wrong(name, f"a text of 1 to {_LONGEST} characters")
    return value


def _texts(claims: Claims, name: str) -> tuple[str, ...] | None:
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, list) or len(value) > _MOST:
        raise _wrong(name, f"a list of at most {_MOST} texts")
    if any(not isinstance(each, str) or not 0 < len(each) <= _LONGEST for each in value):
        raise _wrong(name, f"a list of at most {_MOST} texts")
    return tuple(value)


def _wrong(name: str, accepted: str) -> Unauthenticated:
    return refused(
        "TOKEN_CLAIM", f"The token's claim {name!r} is missing, or not what it may be.", f"{name}: {accepted}"
    )
