"""What a question to a stage costs as a call of its own, and as a message on a stream that stays open.

    python -m bench.capacity.asking [--sessions 8] [--seconds 6] [--rounds 5]

Two processes of gRPC, both on uvloop, and nothing else: no door, no engine. Sessions ask five times a second each, at
moments of their own, as translations of interim transcripts do. Processor time is that of all threads, for one
question, less what the client takes for waiting alone; the rounds take turns, figures are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import uvloop

from bench.measuring.report import Rows, finish
from mesh.mt.v1 import mt_pb2
from services.common.cancelling import TaskGroup
from services.common.grpc_options import CHANNEL, server_options

RATE = 5.0  # questions a second of a session
TRACE = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
ASKED = mt_pb2.TranslateRequest(
    text="so this is what somebody has said for a while", source_lang="en", target_lang="es"
)
ANSWER = mt_pb2.TranslateResponse(text="esto es lo que alguien ha dicho durante un rato", source_tokens=9)
NOTHING, CALL, STREAM = "waiting alone", "a call", "a message on a stream"
Ask = Callable[[], Awaitable[Any]]
Spent = dict[str, list[tuple[float, float]]]  # microseconds a question of the client and of the server, by way


def main() -> None:
    """Print the table, or serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=8, help="at once")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=5, help="of each way")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.serve:
            return runner.run(serve())
        spent = runner.run(measured(options))
    table = Rows("Processor time of a question, microseconds", ("way", "client", "server"))
    waiting = median(client for client, _ in spent[NOTHING])
    for way in (CALL, STREAM):
        client, server = (median(each[side] for each in spent[way]) for side in (0, 1))
        table.add(way, round(client - waiting), round(server))
    sys.exit(not finish("asking", [table], {}))


async def serve() -> None:
    """Answer until standard input ends; print the port."""

    async def call(request: Any, context: Any) -> mt_pb2.TranslateResponse:
        return ANSWER

    async def stream(requests: Any, context: Any) -> None:
        while await context.read() is not grpc.aio.EOF:
            await context.write(ANSWER)

    codec = (mt_pb2.TranslateRequest.FromString, mt_pb2.TranslateResponse.SerializeToString)
    methods = {
        "Call": grpc.unary_unary_rpc_method_handler(call, *codec),
        "Stream": grpc.stream_stream_rpc_method_handler(stream, *codec),
    }
    server = grpc.aio.server(options=server_options(1000))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Asking", methods),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


async def measured(options: argparse.Namespace) -> Spent:
    """What each way took, in all rounds."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bench.capacity.asking", "--serve")
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert child.stdin is not None, "it has a pipe"
    assert child.stdout is not None, "likewise"
    spent: Spent = defaultdict(list)
    try:
        address = f"127.0.0.1:{int(await child.stdout.readline())}"
        async with grpc.aio.insecure_channel(address, options=CHANNEL) as channel:
            for number in range(options.rounds):
                for way in WAYS if number % 2 else reversed(WAYS):
                    before = (used(os.getpid()), used(child.pid))
                    async with TaskGroup() as tasks:
                        for session in range(options.sessions):
                            tasks.create_task(asking(channel, way, session / options.sessions, options.seconds))
                    count = options.sessions * int(RATE * options.seconds)
                    after = (used(os.getpid()), used(child.pid))
                    spent[way].append(((after[0] - before[0]) / count, (after[1] - before[1]) / count))
    finally:
        child.stdin.close()
        await child.wait()
    return spent


async def asking(channel: grpc.aio.Channel, way: str, share: float, seconds: float) -> None:
    """Ask at the pace of one session; `share` of the time between two questions is its own moment."""
    loop = asyncio.get_running_loop()
    began = loop.time() + share / RATE
    async with WAYS[way](channel) as ask:
        for number in range(int(RATE * seconds)):
            await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
            await ask()


@asynccontextmanager
async def nothing(channel: grpc.aio.Channel) -> AsyncIterator[Ask]:
    """Ask nothing."""
    yield lambda: asyncio.sleep(0)


@asynccontextmanager
async def calls(channel: grpc.aio.Channel) -> AsyncIterator[Ask]:
    """Ask by a call of its own each time."""
    codec = (mt_pb2.TranslateRequest.SerializeToString, mt_pb2.TranslateResponse.FromString)
    method = channel.unary_unary("/bench.Asking/Call", *codec)

    async def ask() -> None:
        await method(ASKED, metadata=TRACE)

    yield ask


@asynccontextmanager
async def stream(channel: grpc.aio.Channel) -> AsyncIterator[Ask]:
    """Ask on one stream."""
    codec = (mt_pb2.TranslateRequest.SerializeToString, mt_pb2.TranslateResponse.FromString)
    call = channel.stream_stream("/bench.Asking/Stream", *codec)(metadata=TRACE)

    async def ask() -> None:
        await call.write(ASKED)
        await call.read()

    yield ask
    await call.done_writing()
    await call.read()


WAYS = {NOTHING: nothing, CALL: calls, STREAM: stream}


def used(pid: int) -> float:
    """The processor time of a process so far, all its threads, in microseconds."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in files) / 1000


if __name__ == "__main__":
    main()
