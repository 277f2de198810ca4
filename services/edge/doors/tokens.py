"""Where a client's token may stand: in the Authorization header, or as a subprotocol where a browser calls.

Never in the address, which proxies and histories keep. Only the marker among the subprotocols is ever echoed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.edge.faults import Fault

MOST_TOKEN_CHARACTERS = 4096  # as gateways have it; more would not fit into the metadata of a call
MARKER = "babelmesh.v1"
BEARER = "babelmesh.bearer."
_SECRET_PARAMETERS = frozenset({"token", "access_token", "api_key", "apikey", "key", "authorization", "jwt", "secret"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """The subprotocols of an endpoint: the one it echoes, and what its tokens begin with."""

    marker: str = MARKER
    bearer: str = BEARER  # empty: the token is a subprotocol as it is
    encoded: bool = True  # whether the token is base64url there
    schemes: tuple[str, ...] = ("bearer",)  # of the Authorization header, in lower case


def token_of(authorization: Sequence[str], protocols: Sequence[str], spoken: Spoken) -> str:
    """Return the client's token; empty for none. Raises Fault for one that is given twice or cannot be read.

    `authorization` has each header of that name: of several, a proxy may have looked at another than we do.
    """
    token = _only_token(authorization, protocols, spoken)
    if len(token) > MOST_TOKEN_CHARACTERS:
        accepted = (f"at most {MOST_TOKEN_CHARACTERS} bytes",)
        raise Fault(401, "TOKEN_TOO_LARGE", "The token is too large.", "authorization", accepted)
    if not (token.isascii() and token.isprintable()):
        raise Fault(401, "UNREADABLE_TOKEN", "The token is no ASCII text.", "authorization", ("a JWT",))
    return token


def _only_token(authorization: Sequence[str], protocols: Sequence[str], spoken: Spoken) -> str:
    if len(authorization) > 1:
        raise Fault(400, "TOKEN_TWICE", "The request has several Authorization headers.", "authorization", ("one",))
    header = _of_header(authorization[0] if authorization else None, spoken.schemes)
    named = [each for each in protocols if each != spoken.marker and each.startswith(spoken.bearer)]
    offered = [each.removeprefix(spoken.bearer) for each in named]
    if len(offered) + bool(header) > 1:
        raise Fault(400, "TOKEN_TWICE", "Send one token: in the header, or as a subprotocol.", "authorization")
    if offered:
        return _decoded(offered[0]) if spoken.encoded else offered[0]
    return header


def echoed(protocols: Sequence[str], spoken: Spoken) -> str | None:
    """Return the subprotocol to answer with; None where none was offered. Raises Fault where ours is not among them."""
    if not protocols:
        return None
    if spoken.marker not in protocols:
        message = "None of the subprotocols that are offered is spoken here."
        raise Fault(400, "UNKNOWN_SUBPROTOCOL", message, "sec-websocket-protocol", (spoken.marker,))
    return spoken.marker


def require_parameters(query: Mapping[str, str], known: Sequence[str]) -> None:
    """Require that an address has known parameters only, and no token. Raises Fault."""
    for name in query:
        if name.lower() in _SECRET_PARAMETERS:
            message = "A token in an address ends up in logs: send it as a header or subprotocol."
            raise Fault(400, "TOKEN_IN_QUERY", message, "query", ("Authorization: Bearer", f"{BEARER}<base64url>"))
        if name not in known:
            raise Fault(
                400, "UNKNOWN_PARAMETER", "The address has a parameter that is not known.", "query", tuple(known)
            )


def _of_header(authorization: str | None, schemes: Sequence[str]) -> str:
    if not authorization:
        return ""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() not in schemes or not value.strip():
        accepted = tuple(f"{each.capitalize()} <token>" for each in schemes)
        raise Fault(401, "UNKNOWN_SCHEME", "The Authorization header has another scheme.", "authorization", accepted)
    return value.strip()


def _decoded(text: str) -> str:
    try:
        padded = text + "=" * (-len(text) % 4)
        token = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        token = ""
    if not token or not token.isprintable():
        raise Fault(
            401,
            "UNREADABLE_TOKEN",
            "The subprotocol holds no base64url.",
            "sec-websocket-protocol",
            (f"{BEARER}<base64url>",),
        )
    return token
