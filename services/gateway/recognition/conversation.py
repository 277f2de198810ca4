"""One call to one recognizer: what it is sent, its signs of life, and every way it can end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.channel import Changes, Channel
from services.common.errors import AtCapacity, TooSlow, cause
from services.gateway.account.overload import Level, Overload
from services.gateway.recognition.outage import ITS_OWN
from services.gateway.recognition.replay import Listening
from services.gateway.stages.recognizing import CallIsOver, Ending, Recognizing
from services.gateway.stages.tries import LONGEST_SECONDS, blames
from services.gateway.values.speech import Asked, Heard, Said

LEAVING_SECONDS = 5.0  # a draining replica is left in the midst of a segment when that is not over by then
_ASK_AGAIN_SECONDS = 0.5  # for another replica, while a draining one still works
KEEPALIVE_SECONDS = 15.0  # a recognizer that is sent nothing for a minute takes its call for one that nobody owns
_LATE = 1.25  # a timer that fires so much later than asked: it was us who stood still, and that proves nothing


class BrokeOff(Exception):
    """The call is over before all was answered. Another recognizer may go on."""


class Failed(BrokeOff):
    """The recognizer failed over what it was told, and says so."""


class Slow(BrokeOff):
    """The recognizer gives no answer, and nobody knows that it ended: that proves nothing about the audio."""


class Stalled(Slow):
    """The recognizer's replica is there, and it owes an answer."""


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
    """Streams the session's audio to one recognizer, and puts what comes of its answers into `heard`."""

    def __init__(self, to: Recognizing, listening: Listening, feed: Feed, heard: Channel[Heard]) -> None:
        self.answered = False  # at all
        self.successor: Recognizing | None = None
        self._to = to
        self._listening = listening
        self._feed = feed
        self._heard = heard
        self._all_told = False
        self._settled = asyncio.Event()  # nobody would see another recognizer take over
        self._liveness = Liveness()
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
                await tasks.create_task(self._read(stalls))
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
                await self._to.write(asked, self._feed.overload.level is not Level.ALL)
                self._liveness.owe(self._listening.buffer.owed)
            self._all_told = True
            await self._to.done_writing()
        except CallIsOver:
            raise _meaning(await self._to.ending()) from None

    async def _read(self, stalls: Stalls) -> None:
        self._look()
        try:
            while (said := await self._to.read()) is not None:
                if self._away or not self.answered:
                    self._away, self.answered = False, True
                    await stalls.announce(True)
                self._liveness.since = None  # what we do with the answer is not the recognizer's time
                if not self._listening.hear(said):
                    raise BrokeOff("it finalizes nothing")
                self._feed.changed.tell()  # there may be room now, or something to send
                await tell(self._listening, self._heard)
                self._look()
        except CallIsOver:
            raise _meaning(await self._to.ending()) from None
        ending = await self._to.ending()
        if ending.fault or not self._all_told or self._listening.buffer.unanswered:
            raise _meaning(ending)

    def _look(self) -> None:
        self._liveness.owe(self._listening.buffer.owed)
        if self._listening.seam.shown is None:
            self._settled.set()
        else:
            self._settled.clear()

    async def _mourn(self) -> None:
        await self._to.lost.wait()
        raise BrokeOff("its replica is lost") if self._to.died else Slow("its replica is silent")

    async def _watch(self, stalls: Stalls) -> None:
        """Leaves a recognizer that stalls for another one, where there is one. Where not, it is told, and left late."""
        if not stalls.seconds:
            return
        silent_seconds = 0.0
        while True:
            await self._liveness.missed(stalls.seconds)
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
    """Pass on what came of the answers so far. Cancelled, it has passed on a part, and the rest still waits."""
    while listening.heard:
        await heard.put(listening.heard[0])
        listening.heard.popleft()


class Feed:
    """A bounded channel into any number of calls: what one of them was told in vain, the next is told again.

    `say` waits while more is kept than may be, and `next` until there is something to tell. In a session that is
    paused or held, a recognizer is asked from time to time whether it is through, which shows each that the
    other lives.
    """

    def __init__(self, listening: Listening, overload: Overload, started: bool, least_samples: int) -> None:
        """Audio is told in messages of so many samples at least, but before anything else, or the end."""
        self.started = started  # whether there was, or will be, anything for a recognizer
        self.overload = overload  # tells whether the session is so far behind that something gives way
        self.changed = Changes()
        self.finished = False
        self._listening = listening
        self._least_samples = least_samples

    async def say(self, said: Said) -> None:
        """Put something behind all before it, once there is room."""
        while self._listening.buffer.full:
            await self.changed.wait()
        ready, first = self._listening.say(said, self._least_samples), not self.started
        self.started = True
        if ready or first:
            self.changed.tell()

    async def end(self) -> None:
        """Let the recognizer know that nothing more will be said."""
        self.finished = True
        self._least_samples = 0  # the rest waits for nothing
        self.changed.tell()

    async def begun(self) -> bool:
        """Wait until something was said. False when the audio ended first."""
        while not self.started and not self.finished:
            await self.changed.wait()
        return self.started

    async def next(self) -> Asked | None:
        """Wait for what is to be sent next; None at the end."""
        loop = asyncio.get_running_loop()
        ask_at = loop.time() + KEEPALIVE_SECONDS
        while (asked := self._listening.next(self._least_samples)) is None and not self.finished:
            await self.changed.wait(KEEPALIVE_SECONDS)
            if loop.time() >= ask_at and not self._listening.buffer.asking:
                self._listening.buffer.ask()
        return asked


class Liveness:
    """The sign of life that a recognizer owes, and since when: one timer looks at it, whatever is said and answered."""

    def __init__(self) -> None:
        self.since: float | None = None  # on the loop's clock; None: it owes nothing
        self._clock = asyncio.get_running_loop().time

    def owe(self, owed: bool) -> None:
        """Set whether the recognizer owes an answer from now on."""
        if not owed:
            self.since = None
        elif self.since is None:
            self.since = self._clock()

    async def missed(self, seconds: float) -> None:
        """Wait until an answer has been due for so long and none came."""
        while True:
            now = self._clock()
            wakes = (now if self.since is None else self.since) + seconds
            await asyncio.sleep(wakes - now)
            now = self._clock()
            if self.since is None:
                continue
            if now - wakes > (_LATE - 1) * seconds:  # we have not run for a while
                self.since = now
            elif now - self.since >= seconds:
                self.since = now  # the next silence counts from here
                return


def _meaning(ending: Ending) -> Exception:
    """What the end of a call means for the session: another recognizer may go on, or none would take it either."""
    fault = ending.fault
    if fault is None:
        return BrokeOff("it ended early")
    if blames(fault):
        return Failed(fault.code)
    if isinstance(fault, TooSlow | AtCapacity) or ending.given_up:
        return Slow(fault.code)
    return BrokeOff(fault.code) if isinstance(fault, ITS_OWN) else fault
