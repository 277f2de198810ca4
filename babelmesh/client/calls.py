"""A session's call, and its replacement when it is lost: any gateway is tried, with growing pauses."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_random_exponential

from babelmesh.client.deaths import MOST_DEATHS
from babelmesh.client.errors import SessionFailed
from babelmesh.client.events import Ready, SessionConfig
from babelmesh.client.gateways import LOST, Gateways, Metadata, may_pass, pause_ms
from babelmesh.client.silence import HEARTBEAT_MS, Patience
from babelmesh.client.stream import Stream

PATIENCE_SECONDS = 60.0  # where the server does not say how long a handle is good for
MOST_PATIENCE_SECONDS = 600.0

_backoff = wait_random_exponential(multiplier=0.05, max=2)
_lost = wait_random_exponential(multiplier=0.05, max=0.3)  # to connect took its time already


@dataclass(frozen=True, slots=True)
class Terms:
    """The parameters that a session is opened with."""

    hello: SessionConfig
    metadata: Metadata
    reconnect: bool  # whether it goes on over another call when its own is lost
    notice: Callable[[str], None]  # told, for a person, when it does


class Calls:
    """The calls that carry one session, one after the other."""

    def __init__(self, gateways: Gateways, terms: Terms) -> None:
        self._gateways = gateways
        self._terms = terms
        self._patience = Patience(PATIENCE_SECONDS)
        self._stream: Stream | None = None

    @property
    def stream(self) -> Stream:
        """The current call. The session must be open."""
        assert self._stream is not None, "the session is not open"
        return self._stream

    async def open(self) -> Ready:
        """Open the first call. Raises SessionFailed."""
        hello = SessionConfig()
        hello.CopyFrom(self._terms.hello)
        if self._terms.reconnect and not hello.heartbeat_ms:
            hello.heartbeat_ms = HEARTBEAT_MS
        self._stream, ready = await self._gateways.open(hello, self._terms.metadata)
        seconds = ready.limits.resume_handle_ms / 1000 or PATIENCE_SECONDS
        self._patience = Patience(min(seconds, MOST_PATIENCE_SECONDS))
        self._listen(ready)
        return ready

    async def replace(self, failure: SessionFailed, hello: Callable[[float], SessionConfig]) -> Ready:
        """Open the next call after a loss. Raises SessionFailed when no gateway accepts it in time."""
        leaving, left = self.stream.leaving, self._patience.lost(time.monotonic())
        await self.stream.close()
        if left <= 0:
            raise failure
        if not leaving:
            self._terms.notice("Connection lost, resuming …")
        await sleep(self._patience.pause_seconds())

        def asked() -> SessionConfig:
            resuming = hello(time.monotonic())
            resuming.heartbeat_ms = resuming.heartbeat_ms or HEARTBEAT_MS
            return resuming

        async def attempt() -> tuple[Stream, Ready]:
            return await self._gateways.reopen(asked, self._terms.metadata, self.stream.address)

        attempts = AsyncRetrying(
            retry=retry_if_exception(may_pass), wait=_wait, stop=stop_after_delay(left), reraise=True
        )
        ready: Ready
        try:
            self._stream, ready = await attempts(_bearable(attempt))
        except SessionFailed as last:
            raise (failure if last.code in LOST else last) from None
        self._patience.resumed(time.monotonic())
        self._listen(ready)
        if not leaving:
            self._terms.notice("Resumed.")
        return ready

    def advanced(self) -> None:
        """Record progress of the session: the next loss is treated as a new one."""
        self._patience.advanced()

    async def close(self) -> None:
        """End the call that carries the session."""
        if self._stream is not None:
            await self._stream.close()

    def _listen(self, ready: Ready) -> None:
        if self._terms.reconnect and ready.resume_handle and ready.config.heartbeat_ms:
            self.stream.expect_heartbeats(ready.config.heartbeat_ms / 1000)


def _bearable(attempt: Callable[[], Awaitable[tuple[Stream, Ready]]]) -> Callable[[], Awaitable[tuple[Stream, Ready]]]:
    """Return the attempt as one that may be repeated until two servers have ended upon its hello."""
    ended = 0

    async def made() -> tuple[Stream, Ready]:
        nonlocal ended
        try:
            return await attempt()
        except SessionFailed as failure:
            ended += failure.broke
            if ended < MOST_DEATHS:
                raise
            message = "Two servers ended upon the hello that resumes this session. It is not sent again."
            raise SessionFailed("RESUME_QUARANTINED", message) from None

    return made


def _wait(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: jittered, growing, and no fewer than the server asked for."""
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, SessionFailed) or failure.code in LOST:
        return _lost(state)
    return max(_backoff(state), pause_ms(failure) / 1000)
