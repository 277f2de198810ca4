"""A RealtimeTranslate server that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.grpc_options import server_options

Context = grpc.aio.ServicerContext[Any, Any]
Script = Callable[["Call"], Awaitable[None]]


@dataclass
class Call:
    """One Stream call as the script sees it."""

    context: Context
    hello: pb.SessionConfig
    received: list[pb.ClientMessage] = field(default_factory=list)

    async def send(self, **payload: Any) -> None:
        await self.context.write(pb.ServerMessage(**payload))

    async def ready(self) -> None:
        await self.send(ready=pb.Ready(session_id="fake", config=self.hello, limits=pb.Limits()))

    async def read(self) -> pb.ClientMessage | None:
        message = await self.context.read()
        if not isinstance(message, pb.ClientMessage):
            return None
        self.received.append(message)
        return message

    async def read_all(self) -> None:
        while await self.read() is not None:
            pass


class Server(pb_grpc.RealtimeTranslateServicer):
    def __init__(self, script: Script) -> None:
        self._script = script
        self.calls: list[Call] = []
        self.metadata: dict[str, Any] = {}
        self.ended = asyncio.Event()

    async def Stream(  # type: ignore[override]  # the stubs know only the iterator style
        self, request_iterator: Any, context: Any
    ) -> None:
        self.metadata = dict(context.invocation_metadata())
        first = await context.read()
        call = Call(context, first.hello)
        self.calls.append(call)
        try:
            await self._script(call)
        finally:
            self.ended.set()

    async def TranslateText(self, request: Any, context: Any) -> Any:
        answers = [pb.TextTranslation(target_lang=lang, text=request.text.upper()) for lang in request.target_langs]
        return pb.TranslateTextResponse(translations=answers)

    async def Describe(self, request: Any, context: Any) -> Any:
        pairs = [pb.LanguagePair(source_lang="en", target_lang="es")]
        return pb.DescribeResponse(source_langs=["en-US"], pairs=pairs, server_version="9.1")


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[tuple[str, Server]]:
    """The address of a server whose streams run `script`; its connections are like the real one's."""
    server = grpc.aio.server(options=server_options(100))
    servicer = Server(script)
    pb_grpc.add_RealtimeTranslateServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        await server.stop(0)


def refusal() -> status_pb2.Status:
    """The status of a hello with an unknown language."""
    details = [
        error_details_pb2.ErrorInfo(reason="UNKNOWN_LANGUAGE", domain="babelmesh"),
        error_details_pb2.BadRequest(
            field_violations=[error_details_pb2.BadRequest.FieldViolation(field="hello.targets[0].lang")]
        ),
    ]
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(500)
    status = status_pb2.Status(code=3, message="hello.targets[0].lang: 'xx' is not available. Accepted: ca, es.")
    for detail in (*details, retry):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


async def interpret(call: Call) -> None:
    """A session of two targets: one segment, growing, concluded, spoken and accounted for, once the client is done."""
    await call.ready()
    await call.send(asr=pb.AsrResult(text="hello", segment_id=1, revision=1, stable_length=0, start_ms=100, end_ms=300))
    await call.read_all()
    await call.send(asr=pb.AsrResult(text="Hello.", final=True, segment_id=1, revision=2, start_ms=100, end_ms=400))
    for target in call.hello.targets:
        text = f"Hello in {target.lang}."
        result = pb.TranslationResult(text=text, final=True, segment_id=1, start_ms=100, end_ms=400)
        result.target_lang = target.lang
        await call.send(translation=result)
        if target.delivery != pb.DELIVERY_CAPTIONS:
            speech = pb.TtsChunk(data=b"\x01\x00" * 1600, format="pcm16le", sample_rate=16_000, segment_id=1, last=True)
            speech.target_lang, speech.text = target.lang, text
            await call.send(tts=speech)
        await call.send(
            latency=pb.Latency(segment_id=1, target_lang=target.lang, captured_ms=400, recognized_ms=700, sent_ms=900)
        )
        await call.send(end=pb.End(target_lang=target.lang))
    await call.send(end=pb.End())
