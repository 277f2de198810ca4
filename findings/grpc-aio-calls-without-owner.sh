#!/usr/bin/env bash
# grpcio 1.85.1 (grpc.aio): a call that was dropped is never cancelled, and one whose write failed cannot be.
#
# Expected: a call that nothing refers to any more is cancelled when it is collected, as Call.__del__ says it is; and after cancel()
#           nothing of a call is left.
# Instead:  a call that has begun is referred to by its own callbacks (the channel adds one that holds the call) and by the task
#           that waits for its status, which is a task until the call ends: __del__ is never reached, and the server's side
#           stays open until the channel is closed. And where the server has ended a call behind messages that were not read, a
#           write fails, done() is true from then on, and cancel() does nothing: the task that waits for the status is
#           left for good, one for each such call, unless the messages are read, which read() refuses after done().
# Matters:  in live translation a call to a recognizer lives as long as a session and holds a place on a GPU. The result of a
#           task that is cancelled as it ends is dropped without a trace: one session in fifty that was reset within 20 ms of
#           its start left its recognizer taken, until the process was restarted.
# Seen:     a gateway whose clients reset their streams at random moments; a recognizer that breaks while it is sent audio.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import gc
import sys

import grpc

CALLS = 10
open_calls = 0


async def hangs(_, context):
    global open_calls
    open_calls += 1
    try:
        await context.read()
        await context.write(b"admitted")
        await asyncio.Event().wait()
    finally:
        open_calls -= 1


async def breaks(_, context):
    await context.read()
    await context.write(b"never read")
    await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")


async def dropped(channel):
    for _ in range(CALLS):
        call = channel.stream_stream("/s/Hangs")()
        await call.write(b"x")
        await call.read()
        del call
    for _ in range(5):
        gc.collect()
        await asyncio.sleep(0.1)
    return open_calls


async def failed(channel):
    standing = len(asyncio.all_tasks())
    for _ in range(CALLS):
        call = channel.stream_stream("/s/Breaks")()
        try:
            while True:
                await call.write(b"x")
                await asyncio.sleep(0.01)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            call.cancel()
    await asyncio.sleep(0.5)
    return len(asyncio.all_tasks()) - standing


async def main():
    handlers = {"Hangs": hangs, "Breaks": breaks}
    methods = {name: grpc.stream_stream_rpc_method_handler(method) for name, method in handlers.items()}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        left = await dropped(channel)
        print(f"{CALLS} calls dropped and collected: {left} are open at the server")
        tasks = await failed(channel)
        print(f"{CALLS} calls cancelled after a write that failed: {tasks} tasks are left")
    await server.stop(None)
    return left == CALLS and tasks == CALLS


sys.exit(0 if asyncio.run(main()) else "The finding has changed.")
PYTHON
