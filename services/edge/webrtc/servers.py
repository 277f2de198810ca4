"""STUN and TURN servers as clients are told of them, with credentials that last a while. Pure.

Credentials are those of coturn's `use-auth-secret`: a name that begins with the time it ends at, and its HMAC.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """One server, and what it is asked with."""

    url: str
    username: str = ""
    credential: str = ""

    def told(self) -> dict[str, object]:
        """Return the server as browsers take it in `iceServers`."""
        beside = {"username": self.username, "credential": self.credential} if self.username else {}
        return {"urls": [self.url], **beside}

    def link(self) -> str:
        """Return the server as a Link header tells it (RFC 9725, section 4.6)."""
        beside = f'; username="{self.username}"; credential="{self.credential}"; credential-type="password"'
        return f'<{self.url}>; rel="ice-server"' + (beside if self.username else "")


def servers(urls: Sequence[str], secret: str, until: int, name: str) -> tuple[Server, ...]:
    """Return the servers, for a client of a name, until a second of Unix time."""
    username = f"{until}:{name}"
    credential = base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()
    turn = (username, credential) if secret else ("", "")
    return tuple(Server(url, *(turn if url.startswith("turn") else ("", ""))) for url in urls)
