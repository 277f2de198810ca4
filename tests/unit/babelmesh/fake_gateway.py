"""A gateway that resumes sessions, served; its calls end where and how a test says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.fake_server import Call, serving
from tests.unit.babelmesh.interpreter import Interpreter


@dataclass(frozen=True)
class Plan:
    """What becomes of one call."""

    after: int = 1_000_000  # messages of the server, `ready` being the first
    status: grpc.StatusCode | None = grpc.StatusCode.UNAVAILABLE  # None: it neither reads nor writes any more
    refusal: pb.Error | None = None  # of the hello
    go_away_ms: int = 0  # said when so many messages were sent; the call goes on
    holds: asyncio.Event | None = None  # behind so many messages it reads no more until then


class _Broken(Exception):
    pass


@dataclass
class FakeGateway:
    """Follows one plan a call, and none once they are used up."""

    plans: deque[Plan]
    hellos: list[pb.SessionConfig] = field(default_factory=list)
    received: list[list[pb.ClientMessage]] = field(default_factory=list)  # by call

    async def script(self, call: Call) -> None:
        """One call."""
        plan = self.plans.popleft() if self.plans else Plan()
        self.hellos.append(call.hello)
        self.received.append(call.received)
        if plan.refusal:
            return await call.send(error=plan.refusal)
        try:
            await _Served(call, plan).run()
        except* _Broken:
            pass
        else:
            return None
        if plan.status is None:
            await asyncio.Event().wait()
        elif plan.status is not grpc.StatusCode.OK:
            await call.context.abort(plan.status, "Stream removed")


class _Served:
    def __init__(self, call: Call, plan: Plan) -> None:
        self._call, self._plan = call, plan
        self._sent = 0
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat())
            interpreter = Interpreter(self._call.hello)
            await self._send(interpreter.ready())
            while True:
                if self._plan.holds and self._sent >= self._plan.after:
                    await self._plan.holds.wait()
                    raise _Broken
                message = await self._call.read()
                await self._send(interpreter.hear(message))
                if message is None:
                    break
            beating.cancel()

    async def _send(self, out: Any) -> None:
        for message in out:
            async with self._writing:
                await self._call.context.write(message)
            self._sent += 1
            if self._sent == self._plan.after and self._plan.go_away_ms:
                await self._call.send(go_away=pb.GoAway(time_left_ms=self._plan.go_away_ms))
            elif self._sent == self._plan.after and not self._plan.holds:
                raise _Broken

    async def _beat(self) -> None:
        while period_ms := self._call.hello.heartbeat_ms:
            await asyncio.sleep(period_ms / 1000)
            async with self._writing:
                await self._call.send(flow=pb.Flow())


@asynccontextmanager
async def gateway(*plans: Plan) -> AsyncIterator[tuple[str, FakeGateway]]:
    """The address of one."""
    fake = FakeGateway(deque(plans))
    async with serving(fake.script) as (address, _):
        yield address, fake
