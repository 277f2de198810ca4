"""Admission: a slot is the right to one stream, or one call, on this replica."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import AtCapacity

ADMITTED = "mesh-admitted"  # in the initial metadata of a stream that holds a slot; a refusal has (empty) metadata, too


class Slots:
    """A fixed number of slots. There is no queue at the door: a caller gets a slot now or is told when to ask again."""

    def __init__(self, total: int, stage: str, retry_after_ms: int = 500, reserved: int = 0) -> None:
        self.total = total
        self.reserved = reserved  # of them: for sessions that were let in before
        self.used = 0
        self._stage = stage
        self._retry_after_ms = retry_after_ms

    @contextmanager
    def taken(self, resumed: bool = False) -> Iterator[None]:
        """Holds a slot for the block. Raises AtCapacity when all are taken; only what is resumed takes the reserve."""
        if self.used >= self.total - (0 if resumed else self.reserved):
            raise AtCapacity(
                "AT_CAPACITY",
                f"{self.used} of {self.total} slots are in use.",
                retry_after_ms=self._retry_after_ms,
                stage=self._stage,
            )
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
