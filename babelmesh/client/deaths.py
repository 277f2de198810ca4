"""Finds input that servers end over: once two have ended over it, it is left out. Pure.

A server that goes away without a word may have ended over what it had in work. Another one that is sent the same, and
goes away soon too, proves it; then it is left out: a line that ends servers does not walk from one to the next.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from babelmesh.client.silence import STEADY_SECONDS

MOST_DEATHS = 2


@dataclass(frozen=True, slots=True)
class _Suspicion:
    deaths: int = 0  # of servers in a row
    input: frozenset[str] = field(default_factory=frozenset)  # what all of them had in work


class Deaths:
    """The losses of one session's servers. Input is named by its kind, a space and a number."""

    def __init__(self, server: str, now: float) -> None:
        self.server = server  # as it names itself; empty: it does not, and nothing can be known
        self._since = now
        self._before = self._now = _Suspicion()

    @property
    def count(self) -> int:
        """Number of servers in a row that have ended, if the last one has."""
        return self._now.deaths

    def lost(self, in_work: AbstractSet[str], now: float) -> None:
        """Record that the server was lost without a status, with this input in work."""
        self._before = self._now
        soon = now - self._since < STEADY_SECONDS
        common = self._now.input & in_work if soon else frozenset()
        deaths = self._now.deaths + 1 if common else int(bool(in_work))
        self._now = _Suspicion(deaths, common or frozenset(in_work))

    def bore(self, kind: str) -> None:
        """Record that the server processed input of a kind without ending: that input is suspected no more."""
        left = frozenset(each for each in self._now.input if not each.startswith(kind))
        if left != self._now.input:
            self._now = replace(self._now, input=left)

    def resumed(self, server: str, now: float) -> frozenset[str]:
        """Record which server took over; return the input that is to be left out from now on.

        The server that was lost has not ended when it is there again: then the connection was lost.
        """
        if not (server and self.server) or server == self.server:
            self._now = self._before
        self.server, self._since = server, now
        if self._now.deaths < MOST_DEATHS:
            return frozenset()
        fatal, self._now = self._now.input, _Suspicion()
        return fatal
