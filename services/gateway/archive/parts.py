"""A part: what one call of a session left in the archive, and what is kept in the clear about it. Pure.

Two pieces belong to it: NAME.key with its wrapped key, and NAME.log with its sealed records. Without the first nobody
can read the second.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field

from services.gateway.archive.hiding import Hiding

KEY, LOG = ".key", ".log"
FORMAT = 1
_CLASS = 2  # where in the last part of a name its quota class stands
_KIND = "part"


class NoPart(Exception):
    """What was read is no part's key, or not as it was written."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a part without its key."""

    name: str  # the hidden names of its tenant and session, and that of the call: its pieces are called so
    subject: str  # hidden; empty: none was told
    began_ms: int  # of the wall clock
    tenant: str = field(default="", repr=False)
    session_id: str = field(default="", repr=False)
    wrapped: bytes = field(default=b"", repr=False)

    def dumped(self, hiding: Hiding) -> bytes:
        """The piece NAME.key."""
        told: dict[str, object] = {
            "format": FORMAT,
            "name": self.name,
            "subject": self.subject,
            "began_ms": self.began_ms,
            "tenant": hiding.concealed(self.tenant),
            "session": hiding.concealed(self.session_id),
            "wrapped": base64.b64encode(self.wrapped).decode(),
        }
        return json.dumps(hiding.signed(_KIND, told)).encode()


def part_name(tenant: str, session: str, began_ms: int, quota_class: str = "") -> str:
    """A new name, later ones behind earlier ones, for a call of a session of a tenant, by their hidden names; that of
    its quota class says how long it is kept.
    """
    return f"{tenant}/{session}/{began_ms:014d}-{secrets.token_hex(4)}" + f"-{quota_class}" * bool(quota_class)


def class_of(name: str) -> str:
    """The hidden name of the quota class of a part, by its name; empty for none."""
    parts = name.rpartition("/")[2].split("-")
    return parts[2] if len(parts) > _CLASS else ""


def read_part(piece: bytes, hiding: Hiding) -> Part:
    """The part of a piece NAME.key. Raises NoPart."""
    try:
        told = json.loads(piece)
        if not hiding.vouches(_KIND, told) or told["format"] != FORMAT:
            raise NoPart
        names = (hiding.revealed(told["tenant"]), hiding.revealed(told["session"]))
        wrapped = base64.b64decode(told["wrapped"], validate=True)
        return Part(told["name"], told["subject"], int(told["began_ms"]), *names, wrapped)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoPart from None


def age_ms(name: str, now_ms: int) -> int:
    """How long ago a part began, by its name; 0 for a name that is no part's."""
    began = name.rpartition("/")[2].partition("-")[0]
    return now_ms - int(began) if began.isdecimal() else 0
