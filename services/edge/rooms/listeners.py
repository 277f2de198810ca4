"""The members of a room at one edge, found by what they want."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from services.edge.faults import Fault
from services.edge.rooms.demand import CAPTIONS, ORIGINAL, VOICE, Want, counted
from services.edge.rooms.values import Sent, Wish


class Listening(Protocol):
    """A member, as far as it is sent something."""

    @property
    def id(self) -> str:
        """The member's id in its room, which proves nothing: whoever comes back names the id of a speaker."""

    wish: Wish

    def put(self, message: Sent) -> None:
        """Send a message to the member."""

    def end(self, fault: Fault | None = None) -> None:
        """End the member's messages."""


class Listeners:
    """The members of a room at this edge."""

    def __init__(self) -> None:
        self._members: dict[Listening, None] = {}
        self._by_want: dict[tuple[str, str], dict[Listening, None]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, member: Listening) -> None:
        """Add a member."""
        self._members[member] = None
        for want in _wants(member.wish):
            self._by_want.setdefault(want, {})[member] = None

    def leave(self, member: Listening) -> None:
        """Remove a member, as it is now."""
        self._members.pop(member, None)
        for want in _wants(member.wish):
            found = self._by_want.get(want, {})
            found.pop(member, None)
            if not found:
                self._by_want.pop(want, None)

    def all(self) -> Iterable[Listening]:
        """Return all members."""
        return self._members

    def wanting(self, kind: str, lang: str) -> Iterable[Listening]:
        """Return the members that want something in a language."""
        return self._by_want.get((kind, lang), {})

    def wants(self) -> dict[str, Want]:
        """Return how often each language is wanted."""
        return counted(each.wish for each in self._members)


def _wants(wish: Wish) -> Iterable[tuple[str, str]]:
    if wish.captions:
        yield CAPTIONS, wish.lang
    if wish.voice:
        yield VOICE, wish.lang
    if wish.original:
        yield ORIGINAL, ""
