"""Whatever number a stranger sends, in any field, it is taken or refused by the field's name; nobody else notices."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import jwt
import pytest

from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import InvalidArgument, Unsupported
from tests.mesh.mesh import RATE, Address, Heard, audio, control, gateway_address, hello, loud, talk, text
from tests.mesh.resuming import handle, lost_after
from tests.wire.numbers import extreme, number_fields

KEY = "k" * 32
LINE = text("hello there", final=True)
HELLO = [path for path in number_fields(pb.SessionConfig.DESCRIPTOR) if not path.startswith("received.")]
RECEIVED = [path for path in number_fields(pb.Received.DESCRIPTOR)]
AUDIO = [*number_fields(pb.AudioChunk.DESCRIPTOR)]
CONTROL = [*number_fields(pb.Control.DESCRIPTOR)]


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    async with gateway_address(resume_keys=f"a:{KEY}", asr_slots=16) as address:
        yield address


@pytest.fixture
async def overview(address: Address) -> AsyncIterator[overview_pb2_grpc.OverviewAsyncStub]:
    async with grpc.aio.insecure_channel(address.operators) as channel:
        yield overview_pb2_grpc.OverviewStub(channel)


@pytest.fixture
async def channel(
    address: Address, overview: overview_pb2_grpc.OverviewAsyncStub, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[grpc.aio.Channel]:
    """A mesh in which nothing may fail in a way that was not foreseen."""
    caplog.set_level(logging.ERROR)
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel
        last = await talk(pb_grpc.RealtimeTranslateStub(channel), hello("es"), LINE)
        assert last.fault is None
        assert last.finals("es")
        async for seen in overview.Watch(overview_pb2.WatchRequest()):
            assert all(pair.lag.p95_ms < 600_000 for pair in seen.pairs)
            break
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def check(heard: Heard, about: str) -> None:
    """It ended well, or with a fault that names a field and what it accepts."""
    assert heard.fault is None or isinstance(heard.fault, InvalidArgument | Unsupported), (about, heard.fault)
    if heard.fault is not None:
        assert heard.error().field, about
        assert heard.error().accepted, about


async def check_all(stub: Any, cases: list[tuple[str, list[pb.ClientMessage]]]) -> None:
    for start in range(0, len(cases), 8):
        async with asyncio.TaskGroup() as tasks:
            running = [(about, tasks.create_task(talk(stub, *said))) for about, said in cases[start : start + 8]]
        for about, done in running:
            check(done.result(), about)


async def test_numbers_of_a_hello(channel: grpc.aio.Channel) -> None:
    base = hello(pb.Target(lang="es"), input=pb.AudioFormat(format="pcm16le", sample_rate=RATE))
    cases: list[tuple[str, list[pb.ClientMessage]]] = []
    for path in HELLO:
        for value, message in extreme(base, f"hello.{path}"):
            cases.append((f"{path} = {value}", [message, LINE]))
    assert len(cases) > 40
    await check_all(pb_grpc.RealtimeTranslateStub(channel), cases)


async def test_numbers_of_what_was_received(channel: grpc.aio.Channel) -> None:
    stub = pb_grpc.RealtimeTranslateStub(channel)
    before = await lost_after(stub, 1, hello("es"), [])
    claims = jwt.decode(handle(before), options={"verify_signature": False})
    cases: list[tuple[str, list[pb.ClientMessage]]] = []
    for path in RECEIVED:
        for value, message in extreme(received(), path):
            message.session_id = f"session-{len(cases)}"
            signed = jwt.encode({**claims, "session": message.session_id}, KEY, headers={"kid": "a"})
            resuming = hello("es", resume_handle=signed, received=message)
            cases.append((f"{path} = {value}", [resuming, LINE, audio(loud(0.3))]))
    assert len(cases) > 60
    await check_all(stub, cases)


def received() -> pb.Received:
    """What a client may have got of a session."""
    done = pb.ReceivedTranslation(
        target_lang="es",
        text="uno dos tres",
        stable_length=7,
        revision=2,
        spoken="uno",
        speaking="dos",
        speaking_samples=80,
    )
    final = pb.AsrResult(text="one two three", segment_id=1, revision=3, final=True, start_ms=100, end_ms=900)
    final.origin = pb.ORIGIN_SPOKEN
    open_one = pb.AsrResult(text="four", segment_id=2, revision=1, start_ms=1000, end_ms=1200, stable_length=4)
    open_one.origin = pb.ORIGIN_SPOKEN
    return pb.Received(
        clock_ms=1500,
        segments=[
            pb.ReceivedSegment(transcript=final, translations=[done]),
            pb.ReceivedSegment(transcript=open_one),
        ],
        voices=[pb.ReceivedVoice(target_lang="es", samples=8000, speaking=True)],
    )


async def test_numbers_of_audio(channel: grpc.aio.Channel) -> None:
    cases: list[tuple[str, list[pb.ClientMessage]]] = []
    for first, path in itertools.product((True, False), AUDIO):
        for value, message in extreme(audio(loud(0.2)), f"audio.{path}"):
            before = [] if first else [audio(loud(0.5), offset_samples=0)]
            cases.append((f"{path} = {value}", [hello("es"), *before, message, audio(loud(0.2))]))
    await check_all(pb_grpc.RealtimeTranslateStub(channel), cases)


async def test_numbers_of_a_command(channel: grpc.aio.Channel) -> None:
    base = control("set_target_lang", targets=[pb.Target(lang="es")])
    cases: list[tuple[str, list[pb.ClientMessage]]] = []
    for path in CONTROL:
        for value, message in extreme(base, f"control.{path}"):
            cases.append((f"{path} = {value}", [hello("es"), message, LINE]))
    await check_all(pb_grpc.RealtimeTranslateStub(channel), cases)


async def test_numbers_of_plain_calls(channel: grpc.aio.Channel, overview: overview_pb2_grpc.OverviewAsyncStub) -> None:
    stub = pb_grpc.RealtimeTranslateStub(channel)
    request = pb.TranslateTextRequest(text="hello", source_lang="en", target_langs=["es"])
    for path in number_fields(pb.TranslateTextRequest.DESCRIPTOR):
        for value, message in extreme(request, path):
            await _check_plain(stub.TranslateText(message), f"{path} = {value}")
    for path in number_fields(overview_pb2.WatchRequest.DESCRIPTOR):
        for value, watch in extreme(overview_pb2.WatchRequest(), path):
            call = overview.Watch(watch)
            await _check_plain(call.read(), f"{path} = {value}")
            call.cancel()


async def _check_plain(answer: Any, about: str) -> None:
    code = grpc.StatusCode.OK
    try:
        await answer
    except grpc.aio.AioRpcError as error:
        code = error.code()
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED), about
