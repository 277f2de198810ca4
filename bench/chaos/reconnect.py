"""How long after a dead link healed a server is heard again, by the options of the channel and by who opens a new one.

    python -m bench.chaos.reconnect [--seconds 5,5.4,8.6,12.1,18,25]

A server in a network namespace of its own sends a message every 50 ms. All ways are tried in the same process, over the
same dead link, each with connections of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from babelmesh.client.gateways import CHANNEL_OPTIONS
from babelmesh.client.reaching import reached
from bench.chaos.namespaces import BLACK_HOLE, CLEAR, Host, network, why_not
from bench.measuring.report import Rows, at_most, finish
from services.common.grpc_options import CHANNEL, RECONNECTING, server_options

METHOD = "/bench.Beat/Beat"
PORT = 7000
BEAT_SECONDS = 0.05
SILENCE_SECONDS = 1.0  # after which a connection counts as dead
PAUSE_SECONDS = 0.1  # before another try
BETWEEN_SECONDS = 4.0  # with a clear link
LONGEST_SECONDS = 30.0
BOUND_SECONDS = 0.7  # what is left of a second is for the work

PLAIN = tuple(option for option in CHANNEL if option not in RECONNECTING)
SERVER = ("-c", "import asyncio, sys; from bench.chaos import reconnect; asyncio.run(reconnect.serve(sys.argv[1]))")


@dataclass(slots=True)
class Way:
    """One way to stay in touch, and when something was heard."""

    name: str
    options: Sequence[tuple[str, Any]]
    fresh: bool = False  # a channel for each try, while the old one is still open
    raced: bool = False  # as babelmesh.reaching does it
    after: list[float] = field(default_factory=list)  # seconds after each heal
    _healed: asyncio.Future[float] | None = None  # becomes the moment something is heard

    async def listen(self, address: str) -> None:
        """Listens for ever, and connects again when nothing comes."""
        channel = old = await self._connect(address)
        try:
            while True:
                call = _beats(channel)(b"", wait_for_ready=not self.fresh)
                await self._hear(call)
                if self.fresh or self.raced:
                    call.cancel()
                    await old.close()
                    old, channel = channel, await self._connect(address)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await old.close()
            await channel.close()

    async def _connect(self, address: str) -> grpc.aio.Channel:
        options = (*self.options, (f"bench.{self.name}", 1))  # else ways with equal options would share a connection
        if self.raced:
            return (await reached([address], options)).channel
        return grpc.aio.insecure_channel(address, options=options)

    async def _hear(self, call: Any) -> None:
        try:
            while True:
                async with asyncio.timeout(SILENCE_SECONDS if self.fresh or self.raced else None):
                    if await call.read() is grpc.aio.EOF:
                        return
                if self._healed is not None and not self._healed.done():
                    self._healed.set_result(time.monotonic())
        except (grpc.aio.AioRpcError, TimeoutError):
            return

    async def heal(self) -> None:
        """The link is there again: waits until something is heard."""
        healed, self._healed = time.monotonic(), asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([self._healed], timeout=LONGEST_SECONDS)
        self.after.append(self._healed.result() - healed if done else LONGEST_SECONDS)


def main() -> None:
    """Prints the table; ends with status 1 when the ways we use are too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="5,5.4,8.6,12.1,18,25", help="dead for so long, with commas between")
    options = parser.parse_args()
    if reason := why_not():
        print(f"reconnect skipped: {reason}")
        return
    seconds = [float(each) for each in options.seconds.split(",")]
    ways = asyncio.run(measured(seconds))
    table = Rows("Heard again after the heal, s", ("way", *(f"dead {each:g} s" for each in seconds), "worst"))
    for way in ways:
        table.add(way.name, *way.after, max(way.after))
    services, client = (at_most(max(way.after), BOUND_SECONDS) for way in ways[-2:])
    sys.exit(not finish("chaos-reconnect", [table], {"R4.reconnect.services": services, "R4.reconnect.client": client}))


async def measured(seconds: Sequence[float]) -> list[Way]:
    """Every way, after links dead for so long."""
    ways = [
        Way("gRPC's own pace, one channel", PLAIN),
        Way("gRPC's own pace, a new channel each time", PLAIN, fresh=True),
        Way("services' options, one channel", CHANNEL),
        Way("client's options, one channel", CHANNEL_OPTIONS),
        Way("services' options, a new channel each time", CHANNEL, fresh=True),
        Way("client's options, attempts overlap", CHANNEL_OPTIONS, raced=True),
    ]
    async with (
        network(("here", "there")) as net,
        _served(net.hosts["there"]) as address,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(way.listen(address)) for way in ways]
        for each in seconds:
            await asyncio.sleep(BETWEEN_SECONDS)
            await net.between("here", "there", BLACK_HOLE)
            await asyncio.sleep(each)
            await net.between("here", "there", CLEAR)
            async with asyncio.TaskGroup() as heals:
                for way in ways:
                    heals.create_task(way.heal())
        for task in tasks:
            task.cancel()
    return ways


def _beats(channel: grpc.aio.Channel) -> Any:
    return channel.unary_stream(METHOD)


@asynccontextmanager
async def _served(host: Host) -> AsyncIterator[str]:
    address = f"{host.address}:{PORT}"
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(
        *host.enter, sys.executable, *SERVER, address, stdin=pipe, stdout=pipe
    )
    try:
        if server.stdout is None or not await server.stdout.readline():
            raise RuntimeError("the server did not start")
        yield address
    finally:
        server.kill()
        await server.wait()


async def serve(address: str) -> None:
    """The server's side."""

    async def beat(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        while True:
            await context.write(b"beat")
            await asyncio.sleep(BEAT_SECONDS)

    server = grpc.aio.server(options=server_options(100))
    service, method = METHOD.strip("/").split("/")
    handlers: dict[str, Any] = {method: grpc.unary_stream_rpc_method_handler(beat)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(address)
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    main()
