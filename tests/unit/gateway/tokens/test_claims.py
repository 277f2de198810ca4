from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import PermissionDenied, Unauthenticated
from services.gateway.tokens.claims import Expected, granted
from services.gateway.tokens.grants import Bounds, Grant, covers

NOW = 1_000_000.0
EXPECTED = Expected("issuer", "babelmesh", max_seconds=3600, skew_seconds=30, with_id=True)
GOOD: dict[str, Any] = {
    "iss": "issuer",
    "aud": "babelmesh",
    "sub": "someone",
    "tenant": "acme",
    "scope": "stream other",
    "iat": NOW - 10,
    "exp": NOW + 600,
    "jti": "1",
}


def refusal(**changed: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    with pytest.raises(Unauthenticated) as refused:
        granted(claims, EXPECTED, NOW)
    return refused.value.code


def test_a_good_token_grants_what_it_says() -> None:
    claims = {**GOOD, "aud": ["other", "babelmesh"], "languages": ["es"], "voices": [], "quota": "gold"}
    scopes = frozenset({"stream", "other"})
    bounds = Bounds(("es",), ())
    assert granted(claims, EXPECTED, NOW) == Grant("acme", "someone", "1", scopes, bounds, "gold", NOW + 600)


def test_a_clock_may_be_off_by_the_skew_and_no_more() -> None:
    assert granted({**GOOD, "iat": NOW - 100, "exp": NOW - 29}, EXPECTED, NOW)
    assert granted({**GOOD, "iat": NOW + 29, "nbf": NOW + 29}, EXPECTED, NOW)
    assert refusal(iat=NOW - 100, exp=NOW - 30) == "TOKEN_EXPIRED"
    assert refusal(nbf=NOW + 31) == "TOKEN_NOT_YET_VALID"
    assert refusal(iat=NOW + 31) == "TOKEN_NOT_YET_VALID"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": None}, "TOKEN_ISSUER"),
        ({"iss": "another"}, "TOKEN_ISSUER"),
        ({"aud": None}, "TOKEN_AUDIENCE"),
        ({"aud": "babelmesh/resume"}, "TOKEN_AUDIENCE"),
        ({"aud": {"babelmesh": 1}}, "TOKEN_AUDIENCE"),
        ({"exp": None}, "TOKEN_CLAIM"),
        ({"exp": True}, "TOKEN_CLAIM"),
        ({"exp": "soon"}, "TOKEN_CLAIM"),
        ({"exp": float("inf")}, "TOKEN_CLAIM"),
        ({"exp": float("nan")}, "TOKEN_CLAIM"),
        ({"exp": 10**400}, "TOKEN_CLAIM"),
        ({"exp": NOW + 3591}, "TOKEN_TOO_LONG_LIVED"),
        ({"exp": NOW - 11}, "TOKEN_TOO_LONG_LIVED"),
        ({"iat": None}, "TOKEN_CLAIM"),
        ({"nbf": "now"}, "TOKEN_CLAIM"),
        ({"sub": None}, "TOKEN_CLAIM"),
        ({"sub": "s" * 257}, "TOKEN_CLAIM"),
        ({"jti": None}, "TOKEN_CLAIM"),
        ({"tenant": None}, "TOKEN_CLAIM"),
        ({"tenant": ""}, "TOKEN_CLAIM"),
        ({"tenant": "../acme"}, "TOKEN_CLAIM"),
        ({"tenant": "acme\n"}, "TOKEN_CLAIM"),
        ({"scope": None}, "TOKEN_CLAIM"),
        ({"scope": ["stream"]}, "TOKEN_CLAIM"),
        ({"scope": "streams"}, "TOKEN_CLAIM"),
        ({"languages": "es"}, "TOKEN_CLAIM"),
        ({"languages": [1]}, "TOKEN_CLAIM"),
        ({"voices": ["v"] * 201}, "TOKEN_CLAIM"),
        ({"quota": 7}, "TOKEN_CLAIM"),
    ],
)
def test_a_token_that_says_something_else_is_refused_by_name(changed: dict[str, Any], code: str) -> None:
    assert refusal(**changed) == code


def test_a_language_covers_its_regions_and_an_engine_without_regions() -> None:
    assert covers("es", "es-MX")
    assert covers("es-mx", "es")
    assert not covers("es-MX", "es-ES")
    assert not covers("es", "est")


def test_what_is_not_granted_is_refused_with_what_is() -> None:
    grant = Grant(bounds=Bounds(("es",), ("dora",)))
    grant.require_language("es-MX", "hello.target_lang")
    grant.require_voice("dora", "hello.targets[0].voice")
    with pytest.raises(PermissionDenied) as refused:
        grant.require_language("ca", "hello.targets[0].lang")
    assert (refused.value.field, refused.value.accepted) == ("hello.targets[0].lang", ("es",))
    with pytest.raises(PermissionDenied):
        grant.require_voice("bella", "hello.targets[0].voice")


def test_neither_tenant_nor_subject_nor_id_is_in_what_a_grant_is_printed_as() -> None:
    printed = repr(Grant("acme", "someone", "token-id"))
    assert not [each for each in ("acme", "someone", "token-id") if each in printed]
