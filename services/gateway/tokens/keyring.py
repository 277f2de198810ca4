"""The keys of tokens as they are now: read in the background, and once more when a token names an unknown one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from services.common.errors import StageFailed
from services.common.retrying import jittered
from services.gateway.tokens.claims import refused
from services.gateway.tokens.keys import Key, Keys, KeysUnusable
from services.gateway.tokens.sources import Sources

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 10.0  # strangers name unknown keys as often as they like; the source is asked no more often
_RETRY_MS = 1000


class Keyring:
    """Keeps the set that was read last; one that cannot be read leaves the one before in force."""

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._clock = clock
        self._keys: Keys = {}
        self._read_at = float("-inf")
        self._stamp: object = None
        self._reading = asyncio.Lock()

    async def key(self, key_id: str) -> Key:
        """Return a key by its id; "" is the only key, where there is one. Raises Unauthenticated for an unknown one.

        Raises StageFailed when no keys could be read yet.
        """
        if self._find(key_id) is None:
            await self._read_once_more()
        found = self._find(key_id)
        if not self._keys:
            message = "The keys of tokens cannot be had at the moment."
            raise StageFailed("TOKEN_KEYS_UNAVAILABLE", message, retry_after_ms=jittered(_RETRY_MS))
        if found is None:
            raise refused("TOKEN_KEY_UNKNOWN", "No key here has the token's key id.", "a kid of this deployment")
        return found

    async def read(self) -> None:
        """Read the keys anew. Raises KeysUnusable, and keeps those before."""
        self._read_at = self._clock()
        stamp = await asyncio.to_thread(lambda: self._sources.stamp)
        self._keys = await asyncio.to_thread(self._sources.read)
        self._stamp = stamp

    async def keep(self, seconds: float) -> None:
        """Read the keys again where a file has changed, or those of an URL are so old; log what cannot be read."""
        changed = await asyncio.to_thread(lambda: self._sources.stamp) != self._stamp
        age = self._clock() - self._read_at
        due = self._sources.remote and age >= (seconds if self._keys else min(seconds, ASK_AGAIN_SECONDS / 2))
        if changed or due:
            await self._try()

    def _find(self, key_id: str) -> Key | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _read_once_more(self) -> None:
        """Read the keys, unless that was done a moment ago; who comes meanwhile waits for the same answer."""
        async with self._reading:
            if self._clock() - self._read_at >= ASK_AGAIN_SECONDS:
                await self._try()

    async def _try(self) -> None:
        try:
            await self.read()
        except KeysUnusable as error:
            log.warning("keys of tokens not read", extra={"fields": {"reason": str(error), "kept": len(self._keys)}})
            self._stamp = await asyncio.to_thread(lambda: self._sources.stamp)
