"""One session: audio or text in, events out.

    ready ─▶ send_* / translate ─▶ events ─▶ end

Sending waits while the server does not take more: that wait is the backpressure. Reading is the caller's, at the
caller's pace. A failure is raised where it is met, always as SessionFailed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import grpc

from babelmesh.errors import SessionFailed, from_event, typed_failures
from babelmesh.events import (
    AudioChunk,
    ClientMessage,
    Control,
    Error,
    Event,
    Glossary,
    Marker,
    Ready,
    ServerMessage,
    SessionConfig,
    Target,
    TextChunk,
    event_of,
)

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[ClientMessage, ServerMessage]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio with its place on the session's audio clock, for a source that may have lost some of it."""

    pcm: bytes
    offset_samples: int


_STAY = Marker(marker="babelmesh-stay")  # our own ping, kept from the reader

Source: TypeAlias = AsyncIterable[bytes | Chunk | str]  # a str is one segment of typed text


class Session:
    """An open session; made by `Mesh.session`. Iterate it for its events; it ends when the server has sent the last."""

    def __init__(self, stream: Stream, ready: Ready, tasks: asyncio.TaskGroup) -> None:
        self.ready = ready  # what was agreed: session id, configuration in force, limits
        self._stream = stream
        self._tasks = tasks
        self._feeding: asyncio.Task[None] | None = None

    def translate(self, source: Source) -> AsyncIterator[Event]:
        """Sends a whole source of audio or text, ends the session after it, and yields the events meanwhile.

        What the source raises is raised out of the session's `async with`.
        """
        self._feeding = self._tasks.create_task(self._feed(source))
        return self

    async def send_audio(self, pcm: bytes, offset_samples: int | None = None) -> None:
        """Sends audio in the agreed format; waits while the server holds the stream."""
        await self._stream.write(ClientMessage(audio=AudioChunk(data=pcm, offset_samples=offset_samples)))

    async def send_text(self, text: str, final: bool = False) -> None:
        """Appends text to the open segment; `final` ends the segment."""
        await self._stream.write(ClientMessage(text=TextChunk(text=text, final=final)))

    async def commit(self) -> None:
        """Ends the open segment here."""
        await self._control(Control(action="commit"))

    async def pause(self) -> None:
        """Says that no audio comes for a while."""
        await self._control(Control(action="pause"))

    async def resume(self) -> None:
        """Ends a pause."""
        await self._control(Control(action="resume"))

    async def interrupt(self, target_lang: str = "") -> None:
        """Drops translated speech that has not been sent yet, of one target or of all."""
        await self._control(Control(action="interrupt", target_lang=target_lang))

    async def ping(self, marker: str) -> None:
        """Asks for a Marker event once everything sent before has been dealt with."""
        await self._control(Control(action="ping", marker=marker))

    async def set_targets(self, targets: Sequence[str | Target]) -> None:
        """Sets the target languages from now on, instead of those before."""
        await self._control(Control(action="set_target_lang", targets=as_targets(targets)))

    async def set_dictionary(self, glossary: Glossary) -> None:
        """Sets the glossary from now on."""
        await self._control(Control(action="set_dictionary", glossary=glossary))

    async def end(self) -> None:
        """Says that nothing more will be sent; the events of what was sent still come."""
        await self._stream.done_writing()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while (message := await self._stream.read()) is not None:
            event = event_of(message)
            if isinstance(event, Error) and event.fatal:
                raise from_event(event)
            if event is not None and event != _STAY:
                return event
        raise StopAsyncIteration

    def stop_feeding(self) -> None:
        """Takes nothing more from the source of `translate`."""
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
                        await self.send_text(chunk, final=True)
            await self.end()
        except SessionFailed:
            return  # whoever reads the events meets the same end, with the server's reason
        finally:
            staying.cancel()
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    async def _stay(self) -> None:
        """Keeps a source that is silent for long, like a person who types, from being taken for gone."""
        while self.ready.limits.idle_timeout_ms:
            await asyncio.sleep(self.ready.limits.idle_timeout_ms / 3000)
            try:
                await self.ping(_STAY.marker)
            except SessionFailed:
                return

    async def _control(self, control: Control) -> None:
        await self._stream.write(ClientMessage(control=control))


class Stream:
    """The call under a session: its reads and writes, with every failure turned into SessionFailed."""

    def __init__(self, call: Call, address: str) -> None:
        self._call = call
        self._address = address
        self._started = False
        self._writing = asyncio.Lock()  # gRPC takes one write at a time

    async def read(self) -> ServerMessage | None:
        """The next message; None once the server ended the call well."""
        with typed_failures(self._address, self._started):
            message = await self._call.read()
        self._started = True
        return message if isinstance(message, ServerMessage) else None

    async def write(self, message: ClientMessage) -> None:
        """Returns once the transport has taken the message. Raises SessionFailed when the call has ended."""
        try:
            async with self._writing:
                with typed_failures(self._address, self._started):
                    await self._call.write(message)
        except asyncio.InvalidStateError:
            raise SessionFailed("SESSION_ENDED", "The session has ended; nothing more can be sent.") from None

    async def done_writing(self) -> None:
        """Half-closes the call; nothing happens when it is over already."""
        async with self._writing:
            with suppress(grpc.aio.InternalError):  # the call ended meanwhile: gRPC's name for a batch that failed
                await self._call.done_writing()


@asynccontextmanager
async def opened(call: Call, config: SessionConfig, address: str) -> AsyncIterator[Session]:
    """Says hello, waits for `ready`, and holds the session open for the block; leaves no task behind."""
    stream = Stream(call, address)
    try:
        ready = await _greeted(stream, config)
        async with asyncio.TaskGroup() as tasks:
            session = Session(stream, ready, tasks)
            yield session
            session.stop_feeding()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None  # the source's or the block's own: the caller asked for no group
    finally:
        call.cancel()


async def _greeted(stream: Stream, config: SessionConfig) -> Ready:
    try:
        await stream.write(ClientMessage(hello=config))
    except SessionFailed as failure:
        if failure.code != "SESSION_ENDED":
            raise  # else the read tells why
    message = await stream.read()
    event = event_of(message) if message is not None else None
    match event:
        case Ready():
            return event
        case Error():
            raise from_event(event)
    raise SessionFailed("NO_READY", "The server did not answer the hello with ready.")


def as_targets(targets: Sequence[str | Target]) -> list[Target]:
    """Targets given by language alone, or in full."""
    return [Target(lang=target) if isinstance(target, str) else target for target in targets]
