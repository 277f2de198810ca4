#!/usr/bin/env bash
# grpcio 1.85.1 (grpc.aio): a server that gives up its first write of a call can never send that call's status.
#
# Expected: a write under `asyncio.timeout` (or in a task group whose other task fails) may be cancelled, and `context.abort` then
#           ends the call with its status, as it does when a later write is cancelled.
# Instead:  that the initial metadata have been sent is noted when the first write is through. Given up before, abort sends them
#           again along with the status; the core refuses the batch (GRPC_CALL_ERROR_TOO_MANY_OPERATIONS), abort raises
#           ExecuteBatchError, and "Abort already called!" at a second try. The caller has read the message, gets no status, and
#           waits until its own deadline. After `context.send_initial_metadata(())`, awaited first, all is well.
# Matters:  a server bounds its writes because a peer may read nothing: on a busy machine the bound is met by chance, and a client
#           that half-closed politely hangs. Nothing but a line in the server's log says so.
# Seen:     as calls of a fuzzer that did not end within a minute of their half-close.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1

GRPC_VERBOSITY=NONE "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import sys

import grpc

logging.disable()


class Refusing(grpc.GenericRpcHandler):
    """Gives up a write as soon as it has begun, and aborts."""

    def __init__(self, metadata_first):
        self.metadata_first = metadata_first
        self.raised = ""

    def service(self, details):
        return grpc.stream_stream_rpc_method_handler(self.serve)

    async def serve(self, requests, context):
        await context.read()
        if self.metadata_first:
            await context.send_initial_metadata(())
        try:
            async with asyncio.timeout(0):
                await context.write(b"why")
        except TimeoutError:
            pass
        try:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "that is why")
        except Exception as error:
            self.raised = type(error).__name__
            raise


async def ended(metadata_first):
    """What a client that reads everything is told, and what abort raised in the server."""
    handler, server = Refusing(metadata_first), grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream("/a.Service/Method")()
        await call.write(b"request")
        await call.done_writing()
        try:
            async with asyncio.timeout(5):
                while await call.read() is not grpc.aio.EOF:
                    pass
                told = (await call.code()).name
        except grpc.aio.AioRpcError as error:
            told = error.code().name
        except TimeoutError:
            told = "nothing within 5 s"
    await server.stop(0)
    return told, handler.raised


async def main():
    alone, after_metadata = await ended(False), await ended(True)
    print(f"first write given up: the client is told {alone[0]}; abort raises {alone[1]}")
    print(f"metadata sent before: the client is told {after_metadata[0]}; abort raises {after_metadata[1]}")
    expected = (("nothing within 5 s", "ExecuteBatchError"), ("INVALID_ARGUMENT", "AbortError"))
    return (alone, after_metadata) == expected


sys.exit(0 if asyncio.run(main()) else "The finding has changed.")
PYTHON
