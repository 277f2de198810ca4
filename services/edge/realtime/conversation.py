"""One client's session: its messages to the gateway, the gateway's events back, and its end.

    hello ─▶ call ─▶ reading ║ receiving ─▶ outbox ─▶ sending ─▶ close

Nothing is kept of a session behind its connection: what a client needs to resume, it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.errors import InvalidArgument
from services.edge.faults import Fault, as_fault, fault_of_call
from services.edge.realtime.closing import close_code
from services.edge.realtime.dialect import Dialect
from services.edge.realtime.lines import Gone, Line
from services.edge.realtime.outbox import Outbox
from services.edge.settings import EdgeSettings
from services.edge.upstream import Call, failure

_AHEAD_MS = 2000.0  # of real time: audio further ahead is a recording, whose listener waits for all of it


class Conversation:
    """A session that is open at the gateway, and its client."""

    def __init__(self, line: Line, call: Call, dialect: Dialect, settings: EdgeSettings) -> None:
        self._line = line
        self._call = call
        self._dialect = dialect
        self._settings = settings
        self._outbox = Outbox(settings.client_buffer_bytes, settings.max_voice_wait_ms)
        self._fault: Fault | None = None  # what the client did, or met, that ends the session

    async def run(self, first: pb.ServerMessage | None = None) -> int:
        """Hold the session to its end, and return the code to close the connection with; 0 where the client left.

        `first` is the gateway's first message, where that was read already.
        """
        try:
            async with TaskGroup() as tasks:
                beside = [tasks.create_task(each) for each in (self._read(), self._receive(first), self._beat())]
                await self._send()
                for task in beside:
                    task.cancel()
        except BaseExceptionGroup as group:
            if group.split(Gone)[1] is not None:
                raise
            return 0
        except Gone:
            return 0
        finally:
            end_call(self._call)
        return close_code(self._fault.status if self._fault else self._dialect.fatal)

    def leave(self, milliseconds: int) -> None:
        """Ask the client to go on in another connection within so many milliseconds."""
        if event := self._dialect.goodbye(milliseconds):
            self._outbox.push(event)

    def end(self, fault: Fault) -> None:
        """End the session with a fault, once what waits for the client has been sent."""
        self._fail(fault)
        self._outbox.close()

    def _fail(self, fault: Fault) -> None:
        if self._fault is None and not self._dialect.fatal:
            self._fault = fault
            self._outbox.push(self._dialect.refusal(fault, True))

    async def _read(self) -> None:
        """Pass the client's messages on to the gateway: a write waits while the gateway holds the session."""
        began, base_ms = 0.0, 0.0
        while True:
            message = await self._line.receive()
            if self._fault:
                continue
            try:
                await self._pass_on(self._dialect.read(message))
            except InvalidArgument as error:
                await self._refuse(as_fault(error))
            for event in self._dialect.answers():
                self._outbox.push(event)
            for lang, offset_ms in self._dialect.played():
                self._outbox.played(lang, offset_ms)
            if self._dialect.heard_ms and not began:
                began, base_ms = time.monotonic(), self._dialect.heard_ms
            if began:
                ahead_ms = self._dialect.heard_ms - base_ms - (time.monotonic() - began) * 1000
                self._outbox.live = ahead_ms < _AHEAD_MS

    async def _refuse(self, fault: Fault) -> None:
        if self._dialect.forgiving:
            self._outbox.push(self._dialect.refusal(fault, False))
        else:
            self._fail(fault)
            await self._half_close()

    async def _pass_on(self, messages: Iterable[pb.ClientMessage]) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it ended: what is received says why
            for message in messages:
                if message.control.action == "end":
                    await self._half_close()
                else:
                    await self._call.write(message)

    async def _half_close(self) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.done_writing()

    async def _receive(self, first: pb.ServerMessage | None) -> None:
        """Put the gateway's messages into the outbox, to the end of the call."""
        try:
            async with asyncio.timeout(self._settings.open_ms / 1000):
                message = first or await self._call.read()
            while isinstance(message, pb.ServerMessage):
                for out in self._dialect.events(message):
                    await self._outbox.put(out)
                message = await self._call.read()
            if await self._call.code() is not grpc.StatusCode.OK:
                raise await failure(self._call)
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            self._fail(fault_of_call(error))
        except TimeoutError:
            self._fail(
                Fault(504, "GATEWAY_TOO_SLOW", "The gateway did not open the session in time.", retry_after_ms=1000)
            )
        self._outbox.close()

    async def _send(self) -> None:
        """Send what is in the outbox, until it is closed. Raises Gone where the client is gone, or reads nothing."""
        try:
            while out := await self._outbox.take():
                async with asyncio.timeout(self._settings.client_stall_ms / 1000):
                    await self._line.send(out)
        except TimeoutError:
            raise Gone from None

    async def _beat(self) -> None:
        """Tell a client that has sent audio how far that has got."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_ms / 1000)
            if event := self._dialect.beat():
                self._outbox.push(event, ("heartbeat", 0, ""))
