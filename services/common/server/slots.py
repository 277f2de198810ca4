"""Admission: a slot is the right to one stream, or one call, on this replica."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import AtCapacity
from services.common.retrying import RETRY_MS, jittered
from services.common.telemetry import rpcs

FULL = "AT_CAPACITY"  # the code of a refusal
ADMITTED = "mesh-admitted"  # in the initial metadata of a stream that holds a slot; a refusal has (empty) metadata, too


class Slots:
    """Admits at most a fixed number of streams, without a queue: a caller gets a slot now, or is told when to retry.

    Those in reserve are for what was let in before, here or elsewhere, and goes on.
    """

    def __init__(self, total: int, stage: str, retry_after_ms: int = RETRY_MS, reserved: int = 0) -> None:
        self.total = total
        self.used = 0
        self._reserved = reserved
        self._stage = stage
        self._retry_after_ms = retry_after_ms

    def offer(self, total: int, reserved: int) -> None:
        """Change the number of slots, some of which are reserved for sessions that resume."""
        self.total, self._reserved = total, reserved

    @contextmanager
    def taken(self, resumed: bool = False) -> Iterator[None]:
        """Hold a slot for the block, with `resumed` one of the reserve if need be. Raises AtCapacity without one."""
        if self.used >= self.open_to(resumed):
            raise self.full()
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1

    def open_to(self, resumed: bool) -> int:
        """Return the number of slots for callers that resume, or for new ones."""
        return self.total - (0 if resumed else self._reserved)

    def full(self) -> AtCapacity:
        """Count a refusal, and return its AtCapacity error."""
        rpcs.refused(self._stage, FULL)
        message = f"All {self.total} slots are in use."
        if self.used < self.total:
            message = f"{self.used} of {self.total} slots are in use; the others are kept for sessions that resume."
        return AtCapacity(FULL, message, retry_after_ms=jittered(self._retry_after_ms), stage=self._stage)


def reserve(slots: int, told: int | None) -> int:
    """Return how many slots are kept free for sessions that resume: as set, else one in eight of more than eight."""
    return (slots - 1) // 8 if told is None else told
