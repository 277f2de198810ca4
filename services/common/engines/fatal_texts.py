"""Quarantines texts that engines' programs die of: each is tried twice, then refused by name for a while.

Only digests are kept, made with a key of this process, so nothing that anybody said can be read from memory.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from services.common.errors import InvalidArgument

MOST_DEATHS = 2  # of programs, over one text: the first one may have been killed by someone else
ROOM = 1024  # texts remembered, the newest
SECONDS = 600.0  # after which a text is no longer held against: the program may have been mended


class FatalTexts:
    """Counts the programs of one stage that died over a text since it was last answered."""

    def __init__(self, stage: str, now: Callable[[], float] = time.monotonic) -> None:
        self._stage = stage
        self._now = now
        self._key = secrets.token_bytes(32)
        self._deaths: OrderedDict[bytes, tuple[int, float]] = OrderedDict()  # how many, and when the last one was

    def require_harmless(self, text: str) -> None:
        """Raise InvalidArgument for a text that programs have died of repeatedly."""
        if self._count(self._digest(text)) >= MOST_DEATHS:
            message = f"{MOST_DEATHS} programs of the {self._stage} stage ended over this text. It is not tried again."
            raise InvalidArgument(f"{self._stage}_QUARANTINED", message, "text", ["another text"], stage=self._stage)

    def died(self, text: str) -> None:
        """Record that a program died with a text in work."""
        digest = self._digest(text)
        count = self._count(digest) + 1
        self._deaths.pop(digest, None)
        self._deaths[digest] = (count, self._now())
        if len(self._deaths) > ROOM:
            self._deaths.popitem(last=False)

    def answered(self, text: str) -> None:
        """Clear the record of a text: a program got through it."""
        if self._deaths:
            self._deaths.pop(self._digest(text), None)

    def _count(self, digest: bytes) -> int:
        count, last = self._deaths.get(digest, (0, 0.0))
        return count if count and self._now() - last < SECONDS else 0

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(errors="replace"), key=self._key, digest_size=16).digest()
