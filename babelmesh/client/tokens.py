"""The token that calls are made with: a text, or a function that is asked for a fresh one whenever one is needed."""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from babelmesh.client.errors import AddressUnusable, TokenUnusable

Token: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""What calls are authorized by: a text, or a function, async or not, that returns one."""
Metadata: TypeAlias = tuple[tuple[str, str], ...]
_SECURE = "grpcs://"
_LOCAL = ("unix:", "localhost:")


class Bearer:
    """Puts the token into the metadata of each call. It is never shown: not by `repr`, nor in an error."""

    def __init__(self, token: Token | None = None) -> None:
        self._token = token

    @property
    def renewable(self) -> bool:
        """Whether a fresh token can be had while a session runs."""
        return callable(self._token)

    async def token(self) -> str:
        """Return the token of now, "" for none. Raises TokenUnusable; what the caller's function raises goes on."""
        if self._token is None:
            return ""
        found = self._token() if callable(self._token) else self._token
        told = await found if inspect.isawaitable(found) else found
        token = told.strip() if isinstance(told, str) else ""
        if not token or not token.isascii() or not token.isprintable():
            raise TokenUnusable("The token is empty, or no text of printable ASCII characters.")
        return token

    async def authorized(self, metadata: Metadata) -> Metadata:
        """Return the metadata of a call with the token of now in it."""
        token = await self.token()
        return (*metadata, ("authorization", f"Bearer {token}")) if token else metadata

    def require_private(self, addresses: Sequence[str]) -> None:
        """Raise AddressUnusable where a token would cross a network in plaintext."""
        for each in addresses if self._token is not None else ():
            if not each.startswith(_SECURE) and not _on_this_machine(each):
                raise AddressUnusable(f"{each} is plaintext: a token is not sent there. Accepted: {_SECURE}{each}.")


def _on_this_machine(address: str) -> bool:
    if address.startswith(_LOCAL):
        return True
    try:
        return ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).is_loopback
    except ValueError:
        return False
