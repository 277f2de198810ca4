"""What is deleted by whom, and the receipt for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.gateway.archive.hiding import Hiding

_KIND = "receipt"


class Scope(StrEnum):
    """What a deletion is of."""

    SESSION = "session"
    TENANT = "tenant"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sessions that are asked for, by their names in the clear: those that all names given fit."""

    tenant: str | None = None
    session_id: str = ""
    subject: str = ""

    @property
    def scope(self) -> Scope:
        """What a deletion of it is of."""
        if self.session_id:
            return Scope.SESSION
        return Scope.SUBJECT if self.subject else Scope.TENANT

    def hidden(self, hiding: Hiding) -> dict[str, object]:
        """The same names, as the archive's secret hides them; empty for those not given."""
        return {
            "tenant": "" if self.tenant is None else hiding.tenant(self.tenant),
            "session": hiding.session(self.session_id) if self.session_id else "",
            "subject": hiding.subject(self.subject),
        }


def receipt(hiding: Hiding, who: str, at_ms: int, wanted: Wanted, parts: Sequence[str]) -> str:
    """A signed statement that these parts are no more. Names stand in it as the archive's secret hides them."""
    told: dict[str, object] = {
        "receipt": secrets.token_hex(8),
        "at_ms": at_ms,
        "who": who,
        "scope": str(wanted.scope),
        **wanted.hidden(hiding),
        "parts": list(parts),
    }
    return json.dumps(hiding.signed(_KIND, told))


def genuine(hiding: Hiding, text: str) -> bool:
    """Whether a receipt is one of this archive's, unchanged."""
    try:
        told = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and hiding.vouches(_KIND, told)
