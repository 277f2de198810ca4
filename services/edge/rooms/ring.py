"""What an edge published in a room, by number, and what it got of another one: both bounded, and in order. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from mesh.rooms.v1 import rooms_pb2 as mesh

MOST_HELD = 4096  # messages that came before one that is missing
_PATIENCE_SECONDS = 3.0  # for a message that is missing
_ASKED_SECONDS = 0.3  # between two questions for the same one


@dataclass(slots=True)
class Ring:
    """The newest messages that were published."""

    most_bytes: int
    newest: int = 0
    _kept: deque[tuple[int, bytes]] = field(default_factory=deque)
    _bytes: int = 0

    def add(self, post: mesh.Post) -> bytes:
        """Number a message, keep it, and return it as it is sent."""
        self.newest += 1
        post.seq = self.newest
        packed = post.SerializeToString()
        self._kept.append((self.newest, packed))
        self._bytes += len(packed)
        while self._bytes > self.most_bytes and len(self._kept) > 1:
            self._bytes -= len(self._kept.popleft()[1])
        return packed

    def since(self, number: int) -> Sequence[tuple[int, bytes]] | None:
        """Return the messages from a number on; None where they are not kept any more."""
        if number > self.newest:
            return ()
        if not self._kept or number < self._kept[0][0]:
            return None
        return [each for each in self._kept if each[0] >= number]


@dataclass(slots=True)
class Inlet:
    """The messages of another edge, in order."""

    expected: int  # the next number
    heard_at: float  # when the edge gave a sign of life last
    newest: int = 0  # that the edge has published
    asked_at: float = 0.0  # when it was asked for something last
    _held: dict[int, mesh.Post] = field(default_factory=dict)
    _missing_since: float | None = None

    def take(self, post: mesh.Post) -> Sequence[mesh.Post]:
        """Take a message in; return those that may be delivered now, in order."""
        self.newest = max(self.newest, post.seq)
        if post.seq < self.expected:
            return ()
        if len(self._held) < MOST_HELD:
            self._held[post.seq] = post
        return self._in_order()

    def skip_to(self, number: int) -> Sequence[mesh.Post]:
        """Expect no message before a number; return those that may be delivered now."""
        self.expected = max(self.expected, number)
        for each in [each for each in self._held if each < self.expected]:
            del self._held[each]
        return self._in_order()

    def asks(self, now: float) -> int | None:
        """Return the number from which on messages are to be asked for; None where none is missing."""
        if self.newest < self.expected or not self._lacks():
            self._missing_since = None
            return None
        self._missing_since = self._missing_since or now
        if now - self.asked_at < _ASKED_SECONDS:
            return None
        self.asked_at = now
        return self.expected

    def given_up(self, now: float) -> bool:
        """Return whether a message has been missing for so long that it will not come."""
        return self._missing_since is not None and now - self._missing_since > _PATIENCE_SECONDS

    def next_held(self) -> int:
        """Return the first number behind what is missing."""
        return min(self._held, default=self.newest + 1)

    def _lacks(self) -> bool:
        return self.expected not in self._held

    def _in_order(self) -> Sequence[mesh.Post]:
        found = []
        while (post := self._held.pop(self.expected, None)) is not None:
            found.append(post)
            self.expected += 1
        return found
