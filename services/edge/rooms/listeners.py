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
        """The member's id in its room."""

    wish: Wish

    def put(self, message: Sent) -> None:
        """Send a message to the member."""

    def end(self, fault: Fault | None = None) -> None:
        """End the member's messages."""


class Listeners:
    """The members of a room at this edge."""

    def __init__(self) -> None:
        self._members: dict[str, Listening] = {}
        self._by_want: dict[tuple[str, str], dict[str, Listening]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, member: Listening) -> None:
        """Add a member."""
        self._members[member.id] = member
        for want in _wants(member.wish):
            self._by_want.setdefault(want, {})[member.id] = member

    def leave(self, member: Listening) -> None:
        """Remove a member, as it is now."""
        if self._members.get(member.id) is member:
            del self._members[member.id]
        for want in _wants(member.wish):
            found = self._by_want.get(want, {})
            if found.get(member.id) is member:
                del found[member.id]

    def find(self, member: str) -> Listening | None:
        """Return a member by its id; None where it is not here."""
        return self._members.get(member)

    def all(self) -> Iterable[Listening]:
        """Return all members."""
        return self._members.values()

    def wanting(self, kind: str, lang: str) -> Iterable[Listening]:
        """Return the members that want something in a language."""
        return self._by_want.get((kind, lang), {}).values()

    def wants(self) -> dict[str, Want]:
        """Return how often each language is wanted."""
        return counted(each.wish for each in self._members.values())


def _wants(wish: Wish) -> Iterable[tuple[str, str]]:
    if wish.captions:
        yield CAPTIONS, wish.lang
    if wish.voice:
        yield VOICE, wish.lang
    if wish.original:
        yield ORIGINAL, ""
