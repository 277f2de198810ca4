"""One speaker's session at the gateway, over as many calls as it takes.

    hear ─▶ unfinished ─▶ writing ─▶ the call ─▶ reading ─▶ the room
                ▲                       │ lost
                └── from the handle ────┴─▶ the next call, told what the room has

A call that is lost is followed by another one; a session that is refused, or lost for too long, ends with a fault.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.retrying import jittered
from services.edge.faults import Fault, fault_of_call, gateway_fault_told
from services.edge.rooms.unfinished import Unfinished
from services.edge.upstream import Call, failure

_WAITING_MS = 2000.0  # of audio that may wait to be written before `hear` waits
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 100, 3000
_STAY_SECONDS = 15.0
_STAY = pb.Control(action="ping", marker="room")


class Audience(Protocol):
    """The one who is told what comes of a session: the speaker's place in its room."""

    def opened(self, ready: pb.Ready) -> None:
        """Take in what was agreed, with each call."""

    def said(self, message: pb.ServerMessage) -> None:
        """Take in a message of the gateway."""

    def refuses(self, fault: Fault) -> bool:
        """Take in why a call was refused; return whether it is to be asked for otherwise, at once."""

    def received(self, clock_ms: int) -> pb.Received | None:
        """Return what the next call is to be told of what came."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    open: float
    lost: float  # without a call


class Speaking:
    """A session that belongs to a speaker of a room."""

    def __init__(self, begin: Callable[[], Call], config: pb.SessionConfig, unfinished: Unfinished) -> None:
        self.config = config  # as the next call asks for it
        self.unfinished = unfinished
        self.began = 0.0  # when the first audio came, by the monotonic clock
        self._begin = begin
        self._written = 0  # the last input that the call of now was given
        self._steps = _Steps()

    async def hear(self, data: bytes, offset_samples: int | None = None) -> None:
        """Take audio in; wait while too much of it waits for the gateway."""
        self.began = self.began or time.monotonic()
        self.unfinished.audio(data, offset_samples)
        self._steps.more.set()
        while self.unfinished.waiting_ms(self._written) > _WAITING_MS and self._steps.open:
            self._steps.less.clear()
            await self._steps.less.wait()

    def type(self, text: str, number: int | None = None) -> None:
        """Take in typed text, one segment; one whose number came before is dropped."""
        if self.unfinished.text(text, number):
            self._steps.more.set()

    def control(self, control: pb.Control) -> None:
        """Give a command to the session."""
        if control.action == "set_target_lang":
            del self.config.targets[:]
            self.config.targets.extend(control.targets)
        if control.action == "set_dictionary":
            self.config.glossary.CopyFrom(control.glossary)
        self.unfinished.control(control)
        self._steps.more.set()

    def end(self) -> None:
        """Say that nothing more comes: what was said is still worked off."""
        self._steps.ending = True
        self._steps.more.set()

    def give_up(self) -> None:
        """End the session at once: another one goes on with it, or nobody does."""
        if self._steps.running is not None:
            self._steps.running.cancel()

    async def run(self, audience: Audience, patience: Patience) -> Fault | None:
        """Hold the session to its end; return the fault that it ended with."""
        self._steps.running = asyncio.current_task()
        pause_ms, lost_at = _FIRST_PAUSE_MS, time.monotonic()
        while True:
            self._tell_received(audience)
            fault = await self._call(audience, patience)
            if fault is not None:  # of a call that is written to when it ends, the status may be lost
                fault = self._steps.told or fault
            if fault is None or self._steps.done:  # one that is lost behind its end is complete, one refused is not
                return fault if fault is not None and not fault.retry_after_ms else None
            if self._steps.open:
                pause_ms, lost_at = _FIRST_PAUSE_MS, time.monotonic()
            self._steps.open = False
            self._steps.less.set()
            if audience.refuses(fault):
                continue
            waited = time.monotonic() - lost_at
            if not fault.retry_after_ms or not self.config.resume_handle or waited > patience.lost:
                return fault
            await asyncio.sleep(jittered(pause_ms) / 1000)
            pause_ms = min(2 * pause_ms, _LONGEST_PAUSE_MS)

    def _tell_received(self, audience: Audience) -> None:
        self.config.ClearField("received")
        if self.config.resume_handle:
            clock_ms = round(1000 * (time.monotonic() - self.began)) if self.began else 0
            if (received := audience.received(clock_ms)) is not None:
                self.config.received.CopyFrom(received)

    async def _call(self, audience: Audience, patience: Patience) -> Fault | None:
        """Hold one call; return why it ended, None for well."""
        call = self._begin()
        self._steps.told = None
        try:
            async with asyncio.timeout(patience.open):
                await call.write(pb.ClientMessage(hello=self.config))
                message = await call.read()
            async with TaskGroup() as tasks:
                writing = tasks.create_task(self._write(call)) if _ready(message) else None
                fault = await self._read(call, message, audience)
                if writing is not None:
                    writing.cancel()
            return fault
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            return fault_of_call(error)
        except TimeoutError:
            return Fault(504, "GATEWAY_TOO_SLOW", "The gateway did not open the session in time.", retry_after_ms=1000)
        except asyncio.InvalidStateError:
            return fault_of_call(await failure(call))
        finally:
            end_call(call)

    async def _read(self, call: Call, message: object, audience: Audience) -> Fault | None:
        try:
            while isinstance(message, pb.ServerMessage):
                self._take(message, audience)
                message = await call.read()
            if await call.code() is grpc.StatusCode.OK:
                return None
            return fault_of_call(await failure(call))
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            return fault_of_call(error)

    def _take(self, message: pb.ServerMessage, audience: Audience) -> None:
        kind = message.WhichOneof("payload")
        if kind == "ready":
            self._opened(message.ready)
            audience.opened(message.ready)
            return
        if kind == "ack":
            self.config.resume_handle = message.ack.resume_handle or self.config.resume_handle
            self.unfinished.delivered(message.ack.finalized_offset_ms)
        elif kind == "go_away":
            self.config.resume_handle = message.go_away.resume_handle or self.config.resume_handle
        elif kind == "asr" and message.asr.final:
            self.unfinished.transcribed(message.asr)
        elif kind == "error" and message.error.fatal:
            self._steps.told = gateway_fault_told(message.error)
        elif kind == "end" and not message.end.target_lang:
            self._steps.done = True
        audience.said(message)

    def _opened(self, ready: pb.Ready) -> None:
        resumed = bool(self.config.resume_handle)
        self.config.resume_handle = ready.resume_handle
        if resumed:
            self.unfinished.delivered(ready.resume_offset_ms)
        self._written = 0
        self._steps.open = True
        self._steps.more.set()

    async def _write(self, call: Call) -> None:
        """Write what is unfinished, and what comes, to a call; its end is the reader's to see."""
        try:
            while True:
                self._steps.more.clear()
                for piece in self.unfinished.behind(self._written):
                    await call.write(piece.message)
                    self._written = piece.number
                    self.unfinished.written(piece)
                    self._steps.less.set()
                if self._steps.ending:
                    await call.done_writing()
                    return
                await self._wait(call)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            heed_cancellation()

    async def _wait(self, call: Call) -> None:
        """Wait for input; keep a session from timing out whose speaker is silent."""
        try:
            async with asyncio.timeout(_STAY_SECONDS):
                await self._steps.more.wait()
        except TimeoutError:
            await call.write(pb.ClientMessage(control=_STAY))


class _Steps:
    """How far a session is, and what its tasks wait for."""

    def __init__(self) -> None:
        self.more = asyncio.Event()  # there is input to write
        self.less = asyncio.Event()  # some was written
        self.open = False  # a call is open
        self.ending = False  # nothing more comes
        self.done = False  # the session is complete
        self.told: Fault | None = None  # the fatal error that the call was told, before its status
        self.running: asyncio.Task[object] | None = None  # holds the session


def _ready(message: object) -> bool:
    return isinstance(message, pb.ServerMessage) and message.HasField("ready")
