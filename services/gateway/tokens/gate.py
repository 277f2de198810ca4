"""Decides who may call: reads the token of each call, before anything is held for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Never, TypeAlias

from services.common.errors import InvalidArgument
from services.common.revoked import Revoked
from services.gateway.settings import GatewaySettings
from services.gateway.tokens.claims import Expected, granted, refused
from services.gateway.tokens.grants import ANYONE, AUTHORIZATION, Grant
from services.gateway.tokens.keyring import Keyring
from services.gateway.tokens.keys import KeysUnusable, bearer, key_id, verified
from services.gateway.tokens.sources import Sources

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
LOOK_SECONDS = 1.0  # how often files are looked at


class Gate:
    """Reads tokens, where the settings ask for them; else everybody is ANYONE, and what a call carries is not read."""

    def __init__(self, settings: GatewaySettings, now: Callable[[], float] = time.time) -> None:
        self.on = settings.asks_for_tokens
        self.now = now  # the wall clock: tokens know no other
        self._settings = settings
        self._keyring = Keyring(Sources(settings))
        self._revoked = Revoked(settings.tokens_revoked, "tokens")
        self._looked: list[Callable[[], None]] = []  # told when tokens were revoked

    async def start(self) -> None:
        """Read keys and revoked tokens. Raises InvalidArgument where a file of keys cannot be used."""
        if not self.on:
            return
        await asyncio.to_thread(self._revoked.reload)
        try:
            await self._keyring.read()
        except KeysUnusable as error:
            if not Sources(self._settings).remote:
                names = "GATEWAY_TOKENS_JWKS or GATEWAY_TOKENS_SECRETS"
                raise InvalidArgument("TOKEN_KEYS_UNUSABLE", str(error), names, ["a JWKS", "id:secret"]) from None

    async def run(self) -> Never:
        """Keep keys and revoked tokens as their files and URLs have them. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.on:
                continue
            await self._keyring.keep(self._settings.tokens_refresh_seconds)
            if await asyncio.to_thread(self._revoked.reload):
                for look in [*self._looked]:
                    look()

    async def admit(self, metadata: Metadata | None, scope: str) -> Grant:
        """Return what the token of a call grants. Raises Unauthenticated, or PermissionDenied without the scope."""
        if not self.on:
            return ANYONE
        values = [value for key, value in metadata or () if key == AUTHORIZATION and isinstance(value, str)]
        grant = await self.read(bearer(values))
        grant.require_scope(scope)
        return grant

    async def read(self, token: str) -> Grant:
        """Return what a token grants. Raises Unauthenticated, or StageFailed where there are no keys yet."""
        claims = verified(token, await self._keyring.key(key_id(token)))
        settings = self._settings
        expected = Expected(
            settings.tokens_issuer,
            settings.tokens_audience,
            settings.tokens_max_seconds,
            settings.tokens_skew_seconds,
            with_id=settings.tokens_revoked is not None,
        )
        grant = granted(claims, expected, self.now())
        self.require_good(grant)
        return grant

    def require_good(self, grant: Grant) -> None:
        """Raise Unauthenticated for a token that was revoked."""
        if grant.token_id in self._revoked:
            raise refused("TOKEN_REVOKED", "The token was revoked.", "another token")

    def watch(self, look: Callable[[], None]) -> Callable[[], None]:
        """Have a function called whenever tokens were revoked; return one that ends that."""
        self._looked.append(look)
        return lambda: self._looked.remove(look)
