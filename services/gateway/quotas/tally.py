"""What one gateway has leased of each limit, and what it may lease by itself when nobody can be asked. Pure.

Where gateways share quotas, each of them keeps its own part of the count and tells it again with every question: what
the others' store has forgotten, by a crash or a restart, comes back with the next one.

Cut off from the store, a gateway takes no more than its share of what was left when it last heard: the rest, divided by
the gateways. Of a window that begins while it is cut off, it takes its share of the limit. So all gateways together
stay within the limit but for what the others took since a gateway heard last. Of a window that it never heard of, and
that began before, it takes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.gateway.quotas.classes import Line, Window, window

_MOMENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit of one tenant, in the window that counts now."""

    tenant: str = field(repr=False)
    line: Line
    window: Window

    @property
    def key(self) -> str:
        """The name of the count."""
        return f"{self.line.dimension}:{self.window.name}:{self.tenant}"


def counted(tenant: str, lines: Sequence[Line], now: float) -> list[Counted]:
    """Return the limits of a tenant, each in its window of now."""
    return [Counted(tenant, line, window(line.period, now)) for line in lines]


@dataclass(slots=True)
class Entry:
    """One count: this gateway's own part, and what all had, as it last heard."""

    count: Counted
    own: int = 0
    told_own: int = 0  # own part when it last heard
    total: int | None = None  # of all gateways, then; None: never heard
    at: float = 0.0  # when it last heard, by the wall clock


class Tally:
    """The counts that this gateway has a part in. Those whose window is over are forgotten."""

    def __init__(self) -> None:
        self.gateways = 0  # that there were when this one last heard; 0: it never did
        self.cut_off: float | None = None  # since when nobody can be asked, by the wall clock
        self._entries: dict[str, Entry] = {}

    def own(self, count: Counted) -> int:
        """Return what this gateway has of a count."""
        return self._entry(count).own

    def add(self, counts: Sequence[Counted], amount: int) -> None:
        """Add to this gateway's part; what is given back is negative."""
        for each in counts:
            entry = self._entry(each)
            entry.own = max(0, entry.own + amount)

    def heard(self, count: Counted, total: int, now: float) -> None:
        """Record what all gateways have of a count, this one's part included."""
        entry = self._entry(count)
        entry.total, entry.told_own, entry.at = total, entry.own, now

    def used_up(self, count: Counted, now: float) -> bool:
        """Return whether nothing was left of a count a moment ago: who asks again and again need not be looked up."""
        return now - self._entry(count).at < _MOMENT_SECONDS and self.left(count) <= 0

    def left(self, count: Counted) -> int:
        """Return what may still be leased of a count: of all gateways' rest, or of this one's share when cut off."""
        entry, limit = self._entry(count), count.line.limit
        if self.cut_off is None:
            return limit - (entry.total or 0) - (entry.own - entry.told_own)
        if not self.gateways:
            return 0
        if entry.total is not None:
            return entry.told_own + max(0, limit - entry.total) // self.gateways - entry.own
        return limit // self.gateways - entry.own if count.window.begins >= self.cut_off else 0

    def parts(self) -> list[Counted]:
        """Return the counts that this gateway has a part of."""
        return [each.count for each in self._entries.values() if each.own]

    def forget(self, now: float) -> None:
        """Forget the counts whose windows are over, and places of which none is held here."""
        over = [key for key, each in self._entries.items() if not _counts(each, now)]
        for key in over:
            del self._entries[key]

    def _entry(self, count: Counted) -> Entry:
        return self._entries.setdefault(count.key, Entry(count))


def _counts(entry: Entry, now: float) -> bool:
    return bool(entry.own) if entry.count.line.held else entry.count.window.ends > now
