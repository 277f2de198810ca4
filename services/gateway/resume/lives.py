"""The sessions that run in this process, each in one call: told when they have to end, awaited when the server does."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Never

from services.common.errors import InvalidArgument, MeshError, StageFailed, Superseded, TooSlow
from services.common.server.holding import WORK_TOO_LONG, was_ended
from services.common.telemetry import rpcs

_REMEMBERED = 10_000  # sessions that were resumed here, about 2 MB
_SUPERSEDE_SECONDS = 2.0  # for the call before to let go of its slots
_LAST_WORDS_SECONDS = 1.5  # of a drain: for sessions that did not leave to be ended with their status
_RETRY_MS = 200
_YOUNG_SECONDS = 1.0  # so long a call keeps its session from others with the same handle; who lost it notices later
_RETRY_LATER_MS = 1000
_LEAVING_SECONDS = 0.3  # for the call before to be gone, where its client has left it


class Life:
    """One call of a session, as the rest of the server sees it."""

    def __init__(self, session_id: str, epoch: int, began: float = 0.0) -> None:
        self.session_id = session_id
        self.epoch = epoch
        self.began = began
        self.leaving = asyncio.Event()  # the server is about to stop
        self.gone = asyncio.Event()  # it is over
        self._fault: MeshError | None = None
        self._ending = asyncio.Event()

    def end(self, fault: MeshError) -> None:
        """End the call with a fault, unless another fault was quicker."""
        self._fault = self._fault or fault
        self._ending.set()

    async def ended(self) -> Never:
        """Wait until the call has to end, and raise why."""
        while self._fault is None:
            await self._ending.wait()
        raise self._fault


class Lives:
    """The calls of sessions that run in this process. What is remembered of handles is bounded."""

    def __init__(self, remembered_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.server = secrets.token_hex(8)  # names this process to clients
        self._remembered_seconds = remembered_seconds
        self._clock = clock
        self._lives: dict[str, Life] = {}
        self._ended_for_work: OrderedDict[str, None] = OrderedDict()  # sessions whose work held the loop here
        self._claims: dict[str, asyncio.Event] = {}  # by session: one call is about to open it; set when it has, or not
        # By session: the newest epoch that is in its client's hands, and since when.
        self._epochs: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._leave_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether sessions may come; not when the server is about to stop."""
        return self._leave_at is None

    def require_open(self) -> None:
        """Raises StageFailed when the server is about to stop: another one may have room."""
        if not self.open:
            message = "This server is about to stop. Another one may take the session."
            rpcs.refused("gateway", "DRAINING")
            raise StageFailed("DRAINING", message, retry_after_ms=_RETRY_MS)

    def require_newest(self, session_id: str, epoch: int) -> None:
        """Raises InvalidArgument when a handle of a later call is in its client's hands already."""
        newest, _ = self._epochs.get(session_id, (0, 0.0))
        if epoch < newest:
            message = "The session was resumed from this handle, or a later one, and has gone on."
            accepted = ["the newest handle, from ready, ack or go_away of the session's last call"]
            raise InvalidArgument("RESUME_REUSED", message, "hello.resume_handle", accepted)

    def require_bearable(self, session_id: str) -> None:
        """Raises TooSlow for a session whose work held the loop here: what its client would send again is the same."""
        if session_id in self._ended_for_work:
            message = "The work on what this session sent held the server for too long. It is not resumed."
            raise TooSlow(WORK_TOO_LONG, message)

    def proved(self, life: Life) -> None:
        """Record that the client of a call speaks, and so has its `ready`: older handles are used up."""
        if life.epoch > self._epochs.get(life.session_id, (0, 0.0))[0]:
            self._epochs[life.session_id] = (life.epoch, self._clock())
            self._epochs.move_to_end(life.session_id)
            self._forget()

    def _forget(self) -> None:
        """Handles older than they live need no remembering."""
        oldest = self._clock() - self._remembered_seconds
        while self._epochs and (len(self._epochs) > _REMEMBERED or next(iter(self._epochs.values()))[1] < oldest):
            self._epochs.popitem(last=False)

    @asynccontextmanager
    async def claimed(self, session_id: str, epoch: int) -> AsyncIterator[None]:
        """Keeps a session for one call that is about to open it, before that waits for anything.

        Raises Superseded when another call with the same handle opens it, or has just done so and stays; or
        InvalidArgument when that one's client has gone on meanwhile.
        """
        if not self._is_free(session_id, epoch):
            await self._settled(session_id)
            self.require_newest(session_id, epoch - 1)
            if not self._is_free(session_id, epoch):
                rpcs.refused("gateway", "RESUME_IN_PROGRESS")
                message = "Another call resumes the session at this moment, from the same handle."
                raise Superseded("RESUME_IN_PROGRESS", message, "hello.resume_handle", retry_after_ms=_RETRY_LATER_MS)
        claim = self._claims[session_id] = asyncio.Event()
        try:
            yield
        finally:
            self._release(session_id, claim)

    def _is_free(self, session_id: str, epoch: int) -> bool:
        """Whether a call of this epoch may open a session now."""
        life = self._lives.get(session_id)
        young = life is not None and self._clock() - life.began < _YOUNG_SECONDS
        return session_id not in self._claims and not (young and life is not None and life.epoch >= epoch)

    async def _settled(self, session_id: str) -> None:
        """Wait, but not for long, until no call opens a session, nor runs it."""
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                if claim := self._claims.get(session_id):
                    await claim.wait()
                if life := self._lives.get(session_id):
                    await life.gone.wait()
        except TimeoutError:
            return

    def _release(self, session_id: str, claim: asyncio.Event | None) -> None:
        if claim is not None and self._claims.get(session_id) is claim:
            del self._claims[session_id]
            claim.set()

    async def supersede(self, session_id: str) -> None:
        """End the call in which a session still runs: its client has come back in another one."""
        if life := self._lives.get(session_id):
            life.end(Superseded("SUPERSEDED", "The session goes on in another call."))
            await _all_gone([life], _SUPERSEDE_SECONDS)

    @contextmanager
    def running(self, session_id: str, epoch: int) -> Iterator[Life]:
        """Register a session's call while the block lasts. Raises StageFailed when the server is about to stop."""
        self.require_open()
        life = self._lives[session_id] = Life(session_id, epoch, self._clock())
        self._release(session_id, self._claims.get(session_id))
        try:
            yield life
        except BaseException as error:
            if was_ended(error):
                self._ended_for_work[session_id] = None
                if len(self._ended_for_work) > _REMEMBERED:
                    self._ended_for_work.popitem(last=False)
            raise
        finally:
            life.gone.set()
            if self._lives.get(session_id) is life:
                del self._lives[session_id]

    async def drain(self, seconds: float) -> None:
        """Let nobody in, tell each session, and end those that are still here when their time is up."""
        last_words_seconds = min(_LAST_WORDS_SECONDS, seconds / 4)
        self._leave_at = self._clock() + seconds - last_words_seconds
        lives = [*self._lives.values()]
        for life in lives:
            life.leaving.set()
        await _all_gone(lives, seconds - last_words_seconds)
        for life in lives:
            message = "This server stops. Resume the session; another server may take it."
            life.end(StageFailed("GOING_AWAY", message, retry_after_ms=_RETRY_MS))
        await _all_gone(lives, last_words_seconds)

    @property
    def time_left_ms(self) -> int:
        """Until the sessions that are still here are ended."""
        return 0 if self._leave_at is None else max(0, round((self._leave_at - self._clock()) * 1000))


async def _all_gone(lives: Iterable[Life], seconds: float) -> None:
    """Wait until none of the calls runs, but not longer than that."""
    try:
        async with asyncio.timeout(seconds):
            for life in lives:
                await life.gone.wait()
    except TimeoutError:
        return
