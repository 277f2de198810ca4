"""A gateway that answers each typed text at once with its finals: `python -m bench.edge.echo PORT`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop

from realtime.v1 import realtime_translate_pb2 as pb


class Echo:
    """Serves sessions of typed text."""

    async def stream(self, requests: Any, context: Any) -> None:
        """Answer the hello with a `ready`, and each text with its transcript and translation."""
        number = 0
        while isinstance(message := await context.read(), pb.ClientMessage):
            if message.HasField("hello"):
                limits = pb.Limits(idle_timeout_ms=60_000, max_text_length=2000)
                await context.write(pb.ServerMessage(ready=pb.Ready(config=message.hello, limits=limits)))
            elif message.HasField("text"):
                number += 1
                text: dict[str, Any] = {"text": message.text.text, "segment_id": number, "final": True, "revision": 1}
                await context.write(pb.ServerMessage(asr=pb.AsrResult(**text, origin=pb.ORIGIN_TYPED)))
                result = pb.TranslationResult(**text, target_lang="es", origin=pb.ORIGIN_TYPED)
                await context.write(pb.ServerMessage(translation=result))

    async def describe(self, request: Any, context: Any) -> pb.DescribeResponse:
        """Describe nothing."""
        return pb.DescribeResponse()


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    echo = Echo()
    handlers: dict[str, Any] = {
        "Stream": grpc.stream_stream_rpc_method_handler(
            echo.stream, pb.ClientMessage.FromString, pb.ServerMessage.SerializeToString
        ),
        "Describe": grpc.unary_unary_rpc_method_handler(
            echo.describe, pb.DescribeRequest.FromString, pb.DescribeResponse.SerializeToString
        ),
    }
    service = "realtime.v1.RealtimeTranslate"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
