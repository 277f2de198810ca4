"""Stages on a channel on which nothing travels: whoever calls them is answered a few steps of the loop later."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from grpc.aio import AioRpcError, Metadata

from mesh.asr.v1 import asr_pb2
from mesh.mt.v1 import mt_pb2
from mesh.stage.v1 import stage_pb2
from mesh.tts.v1 import tts_pb2
from services.common.errors import AtCapacity
from services.common.server.slots import ADMITTED
from services.common.statuses import to_status

STEPS = 2  # of the loop, which an answer takes
PIECES = 3  # of a clause's speech
PIECE = tts_pb2.SynthesizeResponse(pcm=bytes(3200), sample_rate_hertz=16_000)
FULL = Metadata(("grpc-status-details-bin", to_status(AtCapacity("AT_CAPACITY", "Full.")).SerializeToString()))
SERVING = stage_pb2.WatchResponse(state=stage_pb2.STATE_SERVING, slots_total=8)

ANSWERS: dict[str, Any] = {
    "/mesh.asr.v1.Asr/Describe": asr_pb2.DescribeResponse(engine="played", version="1", langs=["en-US"]),
    "/mesh.mt.v1.Mt/Describe": mt_pb2.DescribeResponse(
        engine="played", version="1", pairs=[mt_pb2.LanguagePair(source_lang="en", target_lang="es")]
    ),
    "/mesh.tts.v1.Tts/Describe": tts_pb2.DescribeResponse(
        engine="played", version="1", voices=[tts_pb2.Voice(name="v", lang="es")]
    ),
    "/mesh.mt.v1.Mt/Translate": mt_pb2.TranslateResponse(text="uno dos. tres cuatro."),
}


async def steps() -> None:
    for _ in range(STEPS):
        await asyncio.sleep(0)


@dataclass(eq=False)
class PlayedCall:
    """A call of any kind, open until it is cancelled or has ended; what it answers is in `answers`."""

    method: str
    answers: deque[Any] = field(default_factory=deque)
    ended: bool = False  # nothing follows the answers
    closed: bool = False
    refused: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, request: asr_pb2.RecognizeRequest) -> None:
        await steps()
        if self.closed:
            raise asyncio.InvalidStateError
        if request.HasField("marker"):
            self._answer(asr_pb2.RecognizeResponse(marker=request.marker))
        elif request.HasField("audio"):
            end = request.audio.offset_samples + len(request.audio.pcm) // 2
            said = asr_pb2.Result(segment_id=1, revision=1, text="one two", end_samples=end)
            self._answer(asr_pb2.RecognizeResponse(result=said))

    async def done_writing(self) -> None:
        await steps()
        said = asr_pb2.Result(segment_id=1, revision=2, text="one two", final=True, stable_length=7, end_samples=1600)
        self._answer(asr_pb2.RecognizeResponse(result=said))
        self.ended = True

    def _answer(self, answer: Any) -> None:
        self.answers.append(answer)
        self.changed.set()

    async def read(self) -> Any:
        await steps()
        while not self.answers and not self.ended:
            self.changed.clear()
            await self.changed.wait()
        if self.refused:
            self.closed = True
            raise AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, Metadata(), FULL)
        if self.answers:
            return self.answers.popleft()
        self.closed = True
        return grpc.aio.EOF

    async def initial_metadata(self) -> Metadata:
        await steps()
        return Metadata((ADMITTED, "1"))

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    def cancel(self) -> bool:
        self.closed = True
        return True

    def done(self) -> bool:
        return self.closed

    def add_done_callback(self, callback: Any) -> None:
        """As of a call that has not ended: nobody here waits for the last one on a connection."""


class PlayedChannel:
    """A channel to a replica of every stage; `calls` are those that are watched for being left open."""

    def __init__(self, calls: list[PlayedCall], no_voice: bool) -> None:
        self.calls = calls
        self._no_voice = no_voice  # synthesizers have no free slot

    def unary_unary(self, method: str, **_: Any) -> Any:
        async def ask(request: Any, **_: Any) -> Any:
            await steps()
            return ANSWERS[method]

        return ask

    def unary_stream(self, method: str, **_: Any) -> Any:
        return partial(self._open, method)

    stream_stream = unary_stream

    async def close(self) -> None:
        await asyncio.sleep(0)

    def _open(self, method: str, request: Any = None, **_: Any) -> PlayedCall:
        call = PlayedCall(method)
        if method.endswith("Watch"):
            call.answers.append(SERVING)
            return call
        if method.endswith("Synthesize"):
            call.answers.extend([PIECE] * PIECES)
            call.ended, call.refused = True, self._no_voice
        self.calls.append(call)
        return call
