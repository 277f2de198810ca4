"""Carries one session over any number of calls: a lost one is resumed at any gateway, unseen by the reader.

    write ─▶ log ─▶ the call ─▶ read ─▶ what is news ─▶ reader
              ▲                  │ lost
              └── again from ────┴─▶ the next call, with what came in its hello

Whoever meets the end of a call first, reader or writer, takes in what it still had to say, and opens the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress

from babelmesh.client.calls import Calls
from babelmesh.client.conversation import Conversation
from babelmesh.client.errors import SessionFailed, from_event
from babelmesh.client.events import (
    Ack,
    AsrResult,
    ClientMessage,
    End,
    Error,
    Event,
    GoAway,
    Marker,
    Renewal,
    TranslationResult,
    TtsChunk,
    event_of,
)
from babelmesh.client.gateways import LOST, may_pass
from babelmesh.client.stream import Stream

TOKEN_EXPIRING = "TOKEN_EXPIRING"  # the server asks for a fresh token


class Link:
    """A session's link: each message is delivered, each event arrives once. Raises SessionFailed where it cannot go
    on.
    """

    def __init__(self, calls: Calls, conversation: Conversation, tasks: asyncio.TaskGroup) -> None:
        self._calls = calls
        self._conversation = conversation
        self._tasks = tasks
        self._unread: deque[Event] = deque()  # bounded by what a lost call had still to say
        self._outcome: SessionFailed | None = None  # how it ended, SESSION_ENDED when well
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None

    async def read(self) -> Event | None:
        """Return the next event; None once the session has ended well. Raises SessionFailed."""
        while True:
            async with (
                self._reading
            ):  # given back with each message: a writer may wait to learn what became of its call
                if self._unread:
                    return self._unread.popleft()
                if self._outcome is _ENDED:
                    return None
                if self._outcome:
                    raise self._outcome
                await self._fetch()

    async def write(self, message: ClientMessage) -> None:
        """Send a message; return once a call has taken it. Should that call be lost, it is sent again."""
        async with self._writing:
            if self._conversation.ended:
                raise _ENDED
            self._conversation.said(message, time.monotonic())
            await self._push()

    async def end(self) -> None:
        """Half-close the session: nothing more will be written."""
        async with self._writing:
            if not self._conversation.ended:
                self._conversation.said(None, time.monotonic())
                with suppress(SessionFailed):  # who reads is told
                    await self._push()

    def stop(self) -> None:
        """Stop sending entries again after a loss."""
        if self._again is not None:
            self._again.cancel()

    async def _push(self) -> None:
        """Write the entries that the call has not had, in order; on the next call where this one is lost."""
        while (entry := self._conversation.unwritten(self._calls.stream.written)) is not None:
            stream = self._calls.stream
            try:
                await (stream.write(entry.message) if entry.message else stream.done_writing())
            except SessionFailed:
                await self._met_end(stream)
            else:
                stream.written = entry.number
                self._conversation.wrote()

    async def _met_end(self, stream: Stream) -> None:
        """Record that a write has failed; the server's last messages, and its status, are still to be read."""
        if self._calls.stream is stream:
            async with self._reading:
                while self._calls.stream is stream and not self._outcome:
                    await self._fetch()
        if self._outcome:
            raise self._outcome

    async def _fetch(self) -> None:
        """Receive the next message. At the end of the call, open the next one or record how the session ended."""
        stream = self._calls.stream
        try:
            message = await stream.read()
        except SessionFailed as failure:
            return await self._lost(failure)
        if message is None:
            self._outcome = _ENDED
            return None
        event = event_of(message)
        if isinstance(event, Error) and event.fatal:
            return await self._lost(from_event(event))
        if isinstance(event, Error) and event.code == TOKEN_EXPIRING and self._calls.bearer.renewable:
            self._tasks.create_task(self._renew(stream))
            return None
        if event is not None:
            news = self._conversation.heard(event, stream.written)
            self._unread.extend(news)
            self._follow(event, stream)
            if any(_advances(each) for each in news):
                self._calls.advanced()

    async def _renew(self, stream: Stream) -> None:
        """Send a fresh token in a call, beside its log: another call starts with a token of its own."""
        token = await self._calls.bearer.token()
        async with self._writing:
            if stream is self._calls.stream and not self._conversation.ended:
                with suppress(SessionFailed):  # who reads is told
                    await stream.write(ClientMessage(renewal=Renewal(token=token)))

    def _follow(self, event: Event, stream: Stream) -> None:
        """Leave a server that will close: at its next acknowledgement, or after half of its remaining time."""
        if isinstance(event, GoAway) and self._conversation.resumable:
            stream.leave_within(event.time_left_ms / 2000)
        elif isinstance(event, Ack) and stream.leaving:
            stream.abandon()

    async def _lost(self, failure: SessionFailed) -> None:
        if self._conversation.complete:
            self._outcome = _ENDED
        elif not self._conversation.resumable or not may_pass(failure):
            self._outcome = failure
        else:
            if failure.code in LOST and not self._calls.stream.leaving:
                self._conversation.lost(self._calls.stream.written, time.monotonic())
            try:
                ready = await self._calls.replace(failure, self._conversation.hello)
            except SessionFailed as last:
                self._outcome = last
                return
            self._unread.extend(self._conversation.resumed(ready, time.monotonic()))
            if self._again is None or self._again.done():
                self._again = self._tasks.create_task(self._push_again())

    async def _push_again(self) -> None:
        async with self._writing:
            with suppress(SessionFailed):  # who reads is told
                await self._push()


def _advances(event: Event) -> bool:
    """Return whether an event shows that the session got further than before."""
    return isinstance(event, (Marker, End, TtsChunk)) or (
        isinstance(event, (AsrResult, TranslationResult)) and event.final
    )


_ENDED = SessionFailed("SESSION_ENDED", "The session has ended; nothing more can be sent.")
