"""A recognition stage with the scripted engine, and one session of it as a test drives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import grpc
import numpy as np
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings, ScriptedSettings
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import running

RATE = 16_000
D = TypeVar("D", bound=Message)
Answers: TypeAlias = list[asr_pb2.RecognizeResponse]


def loud(milliseconds: int) -> bytes:
    times = np.arange(RATE * milliseconds // 1000) / RATE
    return np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype=np.int16).tobytes()


def silence(milliseconds: int) -> bytes:
    return bytes(2 * RATE * milliseconds // 1000)


@asynccontextmanager
async def serving(settings: AsrSettings) -> AsyncIterator[asr_pb2_grpc.AsrAsyncStub]:
    async with (
        running(AsrServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to,
    ):
        yield asr_pb2_grpc.AsrStub(to)


@asynccontextmanager
async def stage(slots: int = 4, **scripted: Any) -> AsyncIterator[asr_pb2_grpc.AsrAsyncStub]:
    """A stage that hears a word in every 300 ms of loud audio."""
    script = ScriptedSettings(**scripted)
    settings = AsrSettings(engine="scripted", vad="energy", slots=slots, drain_seconds=0, scripted=script)
    async with serving(settings) as stub:
        yield stub


@dataclass
class Session:
    """One call, driven by the test."""

    call: Any
    sent_samples: int = 0
    answers: Answers = field(default_factory=list)

    async def configure(self, **config: Any) -> None:
        wanted: dict[str, Any] = {"lang": "en", "interim_results": True, **config}
        await self.call.write(asr_pb2.RecognizeRequest(config=asr_pb2.RecognizeConfig(**wanted)))

    async def terms(self, *phrases: str) -> None:
        await self.call.write(asr_pb2.RecognizeRequest(terms=asr_pb2.Terms(terms=phrases)))

    async def audio(self, pcm: bytes, chunk_ms: int = 100, hurried: bool = False) -> None:
        size = 2 * RATE * chunk_ms // 1000
        for start in range(0, len(pcm), size):
            piece = pcm[start : start + size]
            chunk = asr_pb2.AudioChunk(pcm=piece, offset_samples=self.sent_samples, hurried=hurried)
            await self.call.write(asr_pb2.RecognizeRequest(audio=chunk))
            self.sent_samples += len(piece) // 2

    async def marker(self, number: int) -> None:
        await self.call.write(asr_pb2.RecognizeRequest(marker=asr_pb2.Marker(id=number)))

    async def commit(self) -> None:
        await self.call.write(asr_pb2.RecognizeRequest(commit=asr_pb2.Commit()))

    async def until(self, payload: str) -> asr_pb2.RecognizeResponse:
        """Reads up to an answer of a kind."""
        while (answer := await self.call.read()) is not grpc.aio.EOF:
            found: asr_pb2.RecognizeResponse = answer
            self.answers.append(found)
            if found.WhichOneof("payload") == payload:
                return found
        raise AssertionError(f"The stream ended before a {payload}.")

    async def rest(self) -> Answers:
        """Half-closes and reads to the end; all answers of the session."""
        await self.call.done_writing()
        while (answer := await self.call.read()) is not grpc.aio.EOF:
            self.answers.append(answer)
        return self.answers

    async def status(self) -> grpc.aio.AioRpcError:
        """The error the call ends with."""
        try:
            await self.rest()
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError("The call ended without an error.")


async def session(stub: asr_pb2_grpc.AsrAsyncStub, *pieces: bytes, **config: Any) -> Answers:
    """A whole session at once."""
    opened = Session(stub.Recognize())
    await opened.configure(**config)
    for pcm in pieces:
        await opened.audio(pcm)
    return await opened.rest()


async def read_out(call: Any) -> None:
    """Reads to the end of a call, and raises what it ends with."""
    while await call.read() is not grpc.aio.EOF:
        pass


def finals(answers: Answers) -> list[asr_pb2.Result]:
    return [answer.result for answer in answers if answer.HasField("result") and answer.result.final]


def interims(answers: Answers) -> list[asr_pb2.Result]:
    return [answer.result for answer in answers if answer.HasField("result") and not answer.result.final]


def detail_of(error: grpc.aio.AioRpcError, detail: D) -> D:
    """The detail of a status; `detail` is an empty one of its kind."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads code, details and trailers: both have them
    assert status is not None
    assert any(packed.Unpack(detail) for packed in status.details)
    return detail


def field_at_fault(error: grpc.aio.AioRpcError) -> str:
    found: str = detail_of(error, error_details_pb2.BadRequest()).field_violations[0].field
    return found
