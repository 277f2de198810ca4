"""The sessions whose captions are shown by this process, and the keys that show them.

A key is the HMAC of a session's id under the edge's secret: it is the same in every edge that has the secret, nothing
is stored for it, and it reads one session and does nothing else.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.common.errors import Unauthenticated
from services.edge.faults import Fault
from services.edge.realtime.outputs import Event
from services.edge.viewing.audience import LOST_SECONDS, Audience

PATH = "/v1/sessions/{session_id}/captions"
_MOST_LOST = 1000  # sessions that may come back
_KEY_BYTES = 18


@dataclass(slots=True)
class Galleries:
    """The audiences of a process's sessions."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    now: Callable[[], float] = time.monotonic
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    _audiences: dict[str, Audience] = field(default_factory=dict)
    _lost: dict[str, float] = field(default_factory=dict)  # sessions without a connection, and when that was lost

    def key(self, session_id: str) -> str:
        """Return the key that shows a session's captions."""
        made = hmac.digest(self.secret, f"captions:{session_id}".encode(), "sha256")[:_KEY_BYTES]
        return base64.urlsafe_b64encode(made).decode()

    def audience(self, session_id: str, key: str) -> Audience:
        """Return a session's audience. Raises Unauthenticated for another key, and Fault where it is not here."""
        if not hmac.compare_digest(self.key(session_id).encode(), key.encode()):
            message = "This is not the key of the session: it stands in `ready.viewing` of who speaks."
            raise Unauthenticated("VIEWING_KEY_WRONG", message, "authorization", ["Bearer <key>"])
        self.sweep()
        if (found := self._audiences.get(session_id)) is None:
            message = "The session has ended, or is in another process."
            raise Fault(404, "SESSION_NOT_HERE", message, "session_id", retry_after_ms=1000)
        return found

    @contextmanager
    def showing(self) -> Iterator[Showing]:
        """Show the session of one connection for the block, from its `ready` on."""
        showing = Showing(self)
        try:
            yield showing
        finally:
            showing.leave()

    def opened(self, session_id: str) -> Audience:
        """Return the audience of a session that a connection holds from now on."""
        self.sweep()
        self._lost.pop(session_id, None)
        found = self._audiences.setdefault(session_id, Audience(self.epoch))
        found.speakers += 1
        return found

    def left(self, session_id: str, ended: bool) -> None:
        """Record that a connection holds a session no more; it may go on in another one unless it has ended."""
        found = self._audiences[session_id]
        found.speakers -= 1
        if found.speakers:
            return
        if ended:
            del self._audiences[session_id]
            return
        self._lost[session_id] = self.now()
        for viewer in found.viewers:
            if viewer.leaving:
                viewer.close()
        if len(self._lost) > _MOST_LOST:
            self._forget(next(iter(self._lost)))

    def sweep(self) -> None:
        """Forget the sessions that have not gone on in time."""
        before = self.now() - LOST_SECONDS
        for session_id in [each for each, since in self._lost.items() if since < before]:
            self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        del self._lost[session_id]
        self._audiences.pop(session_id).end("session_lost")


@dataclass(slots=True)
class Showing:
    """One connection's part in its session's captions."""

    galleries: Galleries
    _session_id: str = ""
    _audience: Audience | None = None
    _ended: bool = False

    def take(self, event: Event) -> None:
        """Record an event of the session; `ready` is told where its captions are, and the key."""
        if event["type"] == "ready":
            self._session_id = str(event["session_id"])
            self._audience = self.galleries.opened(self._session_id)
            path = PATH.format(session_id=self._session_id)
            event["viewing"] = {"path": path, "key": self.galleries.key(self._session_id)}
        elif self._audience:
            self._ended = self._ended or event["type"] == "end_of_session"
            self._audience.take(event)

    def leave(self) -> None:
        """Record that the connection has ended."""
        if self._audience:
            self.galleries.left(self._session_id, self._ended)
