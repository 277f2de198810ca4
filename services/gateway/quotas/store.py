"""Where gateways count together: one question, answered at once for all of a lease's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.gateway.quotas.tally import Counted


class Away(Exception):
    """The store cannot be asked now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store says to a question: what it grants, and what it counts of each limit, this lease included."""

    granted: int
    gateways: int  # that have asked of late
    settled: bool  # whether the store has run for so long that each of them has told it its parts
    totals: tuple[int, ...]


class Store(Protocol):
    """A store that several gateways share."""

    async def ask(self, counts: Sequence[Counted], own: Sequence[int], amount: int) -> Answer:
        """Set this gateway's part of each count, and lease as much as all limits allow, at most `amount`.

        Raises Away; also when the store has started anew since it was asked last.
        """

    async def close(self) -> None:
        """Close the connections, without this gateway's part."""
