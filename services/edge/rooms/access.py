"""What a token lets somebody do in a room: its claims `room` and `role`.

The gateway has checked the token by the time its claims are read here (`Doors.admitted` asks it): the edge holds no
keys. Where the gateway asks for no tokens, whoever knows a room's name may join it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from services.edge.doors.minting import STREAM
from services.edge.faults import Fault
from services.edge.rooms.values import MODERATOR, ROLES, may


@dataclass(frozen=True, slots=True)
class Pass:
    """What somebody may do."""

    tenant: str = ""  # whose rooms they are
    room: str = ""  # the only one; empty for any
    role: str = MODERATOR  # the highest
    expires: float = math.inf  # in seconds of Unix time

    def require(self, room: str, role: str) -> None:
        """Require that a room may be joined in a role. Raises Fault."""
        if self.room and room != unicodedata.normalize("NFC", self.room):
            raise Fault(403, "ROOM_NOT_GRANTED", "The token is for another room.", "room")
        if not may(self.role, role):
            message = f"The token is for a {self.role}."
            raise Fault(403, "ROLE_MISSING", message, "role", ROLES[: ROLES.index(self.role) + 1])


def granted(token: str) -> Pass:
    """Return what a token grants that the gateway has accepted. Raises Fault for claims that cannot be read."""
    claims = _claims(token)
    if "scope" in claims and STREAM not in str(claims["scope"]).split():
        raise Fault(403, "SCOPE_MISSING", "The token may join no room.", "authorization", (STREAM,))
    tenant, room, role, expires = (claims.get(name, default) for name, default in _DEFAULTS.items())
    if not isinstance(tenant, str) or not isinstance(room, str) or role not in ROLES:
        raise Fault(401, "TOKEN_CLAIM", "The token's claims of rooms cannot be read.", "authorization", ROLES)
    return Pass(tenant, room, str(role), float(expires) if isinstance(expires, int | float) else math.inf)


_DEFAULTS = {"tenant": "", "room": "", "role": MODERATOR, "exp": math.inf}


def _claims(token: str) -> Mapping[str, object]:
    """Return the claims of a token; none of a text that is no JWT, which only gateways without tokens accept."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
