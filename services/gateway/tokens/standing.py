"""The token that a session runs under: renewed in its stream, and the end of the session when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

from services.common.errors import MeshError, PermissionDenied, Unauthenticated
from services.gateway.settings import GatewaySettings
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import AUTHORIZATION, FOREVER, STREAM, Grant

FIELD = "renewal.token"
_RESUME_MS = 0  # the session can be resumed at once, with a fresh token


class Standing:
    """What the newest token of a session grants."""

    def __init__(self, gate: Gate, grant: Grant, settings: GatewaySettings) -> None:
        self.grant = grant
        self.in_use: Callable[[Grant], None] = lambda fresh: None  # raises where a token lacks what the session uses
        self._gate = gate
        self._settings = settings
        self._changed = asyncio.Event()
        self._notice_at = self._noticed(grant)

    async def renew(self, token: str) -> None:
        """Go on under a fresh token. Raises MeshError, and keeps the one before, unless it is of the same bearer."""
        if not self._gate.on:
            return
        try:
            fresh = await self._gate.read(token)
            self._require_same(fresh)
            fresh.require_scope(STREAM)
            self.in_use(fresh)
        except (Unauthenticated, PermissionDenied) as refusal:
            refusal.field = FIELD
            raise
        self.grant, self._notice_at = fresh, self._noticed(fresh)
        self._changed.set()

    async def ended(self, report: Callable[[MeshError], Awaitable[None]]) -> Never:
        """Raise Unauthenticated once the token was revoked, or has expired and its grace is over.

        `report` tells the client before, in time for a fresh token.
        """
        unwatch = self._gate.watch(self._changed.set)
        try:
            while True:
                grant = self.grant
                if await self._changes_before(self._notice_at):
                    continue
                await report(self._notice(grant))
                if await self._changes_before(grant.expires + self._settings.tokens_grace_seconds, grant):
                    continue
                message = "The session's token has expired, and no fresh one came. Resume it with a fresh token."
                raise Unauthenticated("TOKEN_EXPIRED", message, AUTHORIZATION, retry_after_ms=_RESUME_MS)
        finally:
            unwatch()

    async def _changes_before(self, instant: float, told: Grant | None = None) -> bool:
        """Wait for another token until an instant of the wall clock. Raises Unauthenticated for one that was revoked.

        A look at the revoked tokens that finds nothing is no change for a client that was told already.
        """
        while True:
            self._gate.require_good(self.grant)
            if told is not self.grant and self._changed.is_set():
                self._changed.clear()
                return True
            self._changed.clear()
            left = instant - self._gate.now()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(None if left == FOREVER else left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _noticed(self, grant: Grant) -> float:
        """Return when a client is told that a token expires which came now: at half its time, if that is later."""
        return grant.expires - min(self._settings.tokens_notice_seconds, (grant.expires - self._gate.now()) / 2)

    def _notice(self, grant: Grant) -> Unauthenticated:
        left_seconds = max(0.0, grant.expires + self._settings.tokens_grace_seconds - self._gate.now())
        message = f"The session's token expires. The session ends in {left_seconds:.0f} s unless a fresh one is sent."
        return Unauthenticated("TOKEN_EXPIRING", message, FIELD)

    def _require_same(self, fresh: Grant) -> None:
        """Raise PermissionDenied for a token of another tenant, or of another subject."""
        if fresh.tenant != self.grant.tenant:
            message = "The fresh token is another tenant's."
            raise PermissionDenied("TOKEN_OTHER_TENANT", message, FIELD, ["a token of the session's tenant"])
        if fresh.subject != self.grant.subject:
            message = "The fresh token is of another subject."
            raise PermissionDenied("TOKEN_OTHER_SUBJECT", message, FIELD, ["a token of the session's subject"])
