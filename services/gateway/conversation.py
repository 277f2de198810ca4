"""One call to one recognizer, and every way it can end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.channel import Channel
from services.common.errors import AtCapacity, TooSlow, cause
from services.gateway.feed import Feed
from services.gateway.listening import Heard, Listening
from services.gateway.outage import ITS_OWN
from services.gateway.signs import Signs
from services.gateway.stages import Recognizing
from services.gateway.tries import LONGEST_SECONDS, blames, died, fault_of, given_up
from services.gateway.wire import answer, request

LEAVING_SECONDS = 5.0  # a draining replica is left in the midst of a segment when that is not over by then

_ASK_AGAIN_SECONDS = 0.5  # for another replica, while a draining one still works
_CALL_IS_OVER = (grpc.aio.AioRpcError, grpc.aio.InternalError, asyncio.InvalidStateError)


class BrokeOff(Exception):
    """The call is over before all was answered. Another recognizer may go on."""


class Failed(BrokeOff):
    """The recognizer failed over what it was told, and says so."""


class Slow(BrokeOff):
    """It gives no answer, and nobody knows that it ended: that proves nothing about what it was told."""


class Stalled(Slow):
    """Its replica is there, and it owes an answer."""


class Left(Exception):
    """The replica wants to be left, and `successor` is there."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """What becomes of a recognizer that owes an answer and gives none."""

    seconds: float  # for so long; 0: nothing becomes of it
    elsewhere: Callable[[int], bool]  # whether a replica but that one serves
    announce: Callable[[bool], Awaitable[None]]  # that there is no other either; with True that it answers again
    longest_seconds: float = LONGEST_SECONDS  # after so long another call is tried, if only to the same replica


class Conversation:
    """Tells a recognizer what a session says, and puts what is made of its answers into `heard`."""

    def __init__(self, to: Recognizing, listening: Listening, feed: Feed, heard: Channel[Heard]) -> None:
        self.answered = False  # at all
        self.successor: Recognizing | None = None
        self._to = to
        self._listening = listening
        self._feed = feed
        self._heard = heard
        self._all_told = False
        self._settled = asyncio.Event()  # nobody would see another recognizer take over
        self._signs = Signs()
        self._away = False  # as the client was told

    async def run(self, stalls: Stalls, another: Callable[[], Awaitable[Recognizing]]) -> None:
        """Returns when there is no more and all is answered.

        Raises BrokeOff, or Left with a call to `another`; MeshError when it is refused what no other recognizer would
        take either. `stalls` says what becomes of one that gives no answer.
        """
        try:
            async with TaskGroup() as tasks:
                others = [self._write(), self._mourn(), self._leave(another), self._watch(stalls)]
                beside = [tasks.create_task(other) for other in others]
                await self._read(stalls)
                for task in beside:
                    task.cancel()
        except ExceptionGroup as group:
            heed_cancellation()
            raise cause(group) from None
        finally:
            end_call(self._to.call)

    async def _write(self) -> None:
        try:
            while (asked := await self._feed.next()) is not None:
                await self._to.call.write(request(asked, self._feed.hurried()))
                self._signs.owe(self._listening.ring.owed)
            self._all_told = True
            await self._to.call.done_writing()
        except _CALL_IS_OVER:
            raise await self._fault() from None

    async def _read(self, stalls: Stalls) -> None:
        self._look()
        try:
            while (said := await answer(self._to.call)) is not None:
                if self._away or not self.answered:
                    self._away, self.answered = False, True
                    await stalls.announce(True)
                with self._signs.given():
                    if not self._listening.hear(said):
                        raise BrokeOff("it finalizes nothing")
                    self._look()
                    await self._feed.answered()
                    await tell(self._listening, self._heard)
            code = await self._to.call.code()
        except _CALL_IS_OVER:
            raise await self._fault() from None
        if code is not grpc.StatusCode.OK or not self._all_told or self._listening.ring.unanswered:
            raise await self._fault()

    def _look(self) -> None:
        self._signs.owe(self._listening.ring.owed)
        if self._listening.between:
            self._settled.set()
        else:
            self._settled.clear()

    async def _fault(self) -> Exception:
        """What the call's status means. A write to a call that is over fails without it, so it is asked for."""
        call = self._to.call
        code = await call.code()
        if code is grpc.StatusCode.OK:
            return BrokeOff("it ended early")
        metadata = (await call.initial_metadata(), await call.trailing_metadata())
        error = grpc.aio.AioRpcError(code, *metadata, await call.details())
        fault = fault_of(error, "ASR")
        if blames(fault):
            return Failed(fault.code)
        if isinstance(fault, TooSlow | AtCapacity) or given_up(error, self._to.link):
            return Slow(fault.code)
        return BrokeOff(fault.code) if isinstance(fault, ITS_OWN) else fault

    async def _mourn(self) -> None:
        await self._to.lost.wait()
        raise BrokeOff("its replica is lost") if died(self._to.link) else Slow("its replica is silent")

    async def _watch(self, stalls: Stalls) -> None:
        """Leaves a recognizer that stalls for another one, where there is one. Where not, it is told, and left late."""
        if not stalls.seconds:
            return
        silent_seconds = 0.0
        while True:
            await self._signs.missed(stalls.seconds)
            silent_seconds = stalls.seconds + (silent_seconds if self._away else 0.0)
            if stalls.elsewhere(self._to.replica_id) or silent_seconds >= stalls.longest_seconds:
                raise Stalled("it stalled")
            await stalls.announce(False)
            self._away = True

    async def _leave(self, another: Callable[[], Awaitable[Recognizing]]) -> None:
        """Leaves a draining replica at the end of a segment. It goes on here as long as there is no other."""
        await self._to.draining.wait()
        try:
            async with asyncio.timeout(LEAVING_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            pass  # the other one hears the segment again from its start
        while self.successor is None:
            try:
                self.successor = await another()
            except ITS_OWN:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
        raise Left


async def tell(listening: Listening, heard: Channel[Heard]) -> None:
    """Passes on what was made of the answers so far. Cancelled, it has passed on a part, and the rest still waits."""
    while listening.heard:
        await heard.put(listening.heard[0])
        listening.heard.popleft()
