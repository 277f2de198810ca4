"""The session of a client: audio or text in, events out.

    ready ─▶ send_* / translate ─▶ events ─▶ end

Sending waits while the server does not take more: that wait is the backpressure. Reading is the caller's, at the
caller's pace. A connection that is lost is replaced, which takes time and nothing else (`resuming.py`). Any other
failure is raised where it is met, always as SessionFailed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from babelmesh.client.calls import Calls, Terms
from babelmesh.client.conversation import STAY, Conversation
from babelmesh.client.errors import SessionFailed
from babelmesh.client.events import AudioChunk, ClientMessage, Control, Event, Glossary, Ready, Target, TextChunk
from babelmesh.client.gateways import Gateways
from babelmesh.client.lines import BOM, portions
from babelmesh.client.resuming import Link


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio with its place on the session's audio clock, for a source that may have lost some of it."""

    pcm: bytes
    offset_samples: int


Source: TypeAlias = AsyncIterable[bytes | Chunk | str]  # a str is one segment of typed text, or several: see portions


class Session:
    """An open session; made by `Mesh.session`. Iterate over it for its events, until the server has sent the last."""

    def __init__(self, link: Link, ready: Ready, tasks: asyncio.TaskGroup) -> None:
        self.ready = ready  # what was agreed: session id, configuration in force, limits
        self._link = link
        self._tasks = tasks
        self._feeding: asyncio.Task[None] | None = None

    def translate(self, source: Source) -> AsyncIterator[Event]:
        """Send a whole source of audio or text, end the session after it, and yield the events meanwhile.

        What the source raises is raised out of the session's `async with`.
        """
        self._feeding = self._tasks.create_task(self._feed(source))
        return self

    async def send_audio(self, pcm: bytes, offset_samples: int | None = None) -> None:
        """Send audio in the agreed format; waits while the server holds the stream."""
        await self._link.write(ClientMessage(audio=AudioChunk(data=pcm, offset_samples=offset_samples)))

    async def send_text(self, text: str, final: bool = False) -> None:
        """Append text to the open segment, without byte order marks; `final` ends the segment."""
        await self._link.write(ClientMessage(text=TextChunk(text=text.replace(BOM, ""), final=final)))

    async def commit(self) -> None:
        """End the open segment here."""
        await self._control(Control(action="commit"))

    async def pause(self) -> None:
        """Announce that no audio comes for a while, until `unpause`."""
        await self._control(Control(action="pause"))

    async def unpause(self) -> None:
        """End a pause: audio follows again."""
        await self._control(Control(action="resume"))

    async def interrupt(self, target_lang: str = "") -> None:
        """Drop translated speech that has not been sent yet, of one target or of all."""
        await self._control(Control(action="interrupt", target_lang=target_lang))

    async def ping(self, marker: str) -> None:
        """Request a Marker event once everything sent before has been processed."""
        await self._control(Control(action="ping", marker=marker))

    async def set_targets(self, targets: str | Target | Sequence[str | Target]) -> None:
        """Set the target languages from now on, one or several, instead of those before.

        Targets that are refused leave the ones before in force, and cause an `Error` event that is not fatal.
        """
        await self._control(Control(action="set_target_lang", targets=as_targets(targets)))

    async def set_dictionary(self, glossary: Glossary) -> None:
        """Set the glossary from now on, instead of the one before."""
        await self._control(Control(action="set_dictionary", glossary=glossary))

    async def end(self) -> None:
        """End the input: nothing more will be sent; events of what was sent still come."""
        await self._link.end()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self._link.read()
        if event is None:
            raise StopAsyncIteration
        return event

    def stop_feeding(self) -> None:
        """Stop reading the source of `translate`, and stop sending again after a loss."""
        self._link.stop()
        if self._feeding is not None:
            self._feeding.cancel()

    async def _feed(self, source: Source) -> None:
        staying = self._tasks.create_task(self._stay())
        try:
            async for chunk in source:
                match chunk:
                    case Chunk():
                        await self.send_audio(chunk.pcm, chunk.offset_samples)
                    case bytes():
                        await self.send_audio(chunk)
                    case str():
                        for portion in portions(chunk, self.ready.limits.max_text_length):
                            await self.send_text(portion, final=True)
            await self.end()
        except SessionFailed:
            return  # whoever reads the events meets the same end, with the server's reason
        finally:
            staying.cancel()
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    async def _stay(self) -> None:
        """Keep the session from timing out while its source is silent, as a person who types may be."""
        while self.ready.limits.idle_timeout_ms:
            await asyncio.sleep(self.ready.limits.idle_timeout_ms / 3000)
            try:
                await self.ping(STAY.marker)
            except SessionFailed:
                return

    async def _control(self, control: Control) -> None:
        await self._link.write(ClientMessage(control=control))


@asynccontextmanager
async def opened(gateways: Gateways, terms: Terms) -> AsyncIterator[Session]:
    """Open a session for the block: send the hello and wait for `ready`. No task outlives the block."""
    calls = Calls(gateways, terms)
    try:
        ready = await calls.open()
        async with asyncio.TaskGroup() as tasks:
            conversation = Conversation(terms.hello, ready, terms.reconnect, time.monotonic())
            session = Session(Link(calls, conversation, tasks), ready, tasks)
            yield session
            session.stop_feeding()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None  # the source's or the block's own: the caller asked for no group
    finally:
        await calls.close()


def as_targets(targets: str | Target | Sequence[str | Target]) -> list[Target]:
    """Return targets, given as tags or in full, as a list; a single one becomes a list of one."""
    targets = [targets] if isinstance(targets, str | Target) else targets
    return [Target(lang=target) if isinstance(target, str) else target for target in targets]
