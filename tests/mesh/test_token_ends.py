"""Sessions whose token expires, or is revoked, while they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

import babelmesh
from bench.measuring.issuer import bearer, settings, token
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from tests.mesh.mesh import Heard, gateway_address, hello, read_into, text

pytestmark = pytest.mark.clock
QUICK = {"tokens_skew_seconds": 0, "tokens_grace_seconds": 0.2, "tokens_notice_seconds": 0.3}


def lasting(seconds: float) -> str:
    return token(exp=time.time() + seconds)


async def test_a_session_outlives_its_token_by_the_grace_and_is_told_before(tmp_path: Path) -> None:
    async with gateway_address(**settings(tmp_path, **QUICK)) as address, grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(lasting(0.6)))
        await call.write(hello("es"))
        began = time.monotonic()
        await read_into(heard, call)
    assert [each.code for each in heard.of("error")] == ["TOKEN_EXPIRING", "TOKEN_EXPIRED"]
    assert heard.error().HasField("retry_after_ms")
    assert 0.6 < time.monotonic() - began < 2.5


async def test_a_fresh_token_in_the_stream_keeps_the_session(tmp_path: Path) -> None:
    async with gateway_address(**settings(tmp_path, **QUICK)) as address, grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(lasting(0.5)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await heard.until("error", 1)
            await call.write(pb.ClientMessage(renewal=pb.Renewal(token=token())))
            await asyncio.sleep(0.8)
            await call.write(text("good morning", final=True))
            await call.done_writing()
    assert [each.code for each in heard.of("error")] == ["TOKEN_EXPIRING"]
    assert heard.finals("es")
    assert heard.fault is None


async def test_a_short_token_has_half_its_time_before_another_is_asked_for(tmp_path: Path) -> None:
    served = settings(tmp_path, tokens_notice_seconds=60, tokens_grace_seconds=60)
    async with gateway_address(**served) as address, grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(lasting(60)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await heard.until("ready", 1)
            began = time.monotonic()
            await call.write(pb.ClientMessage(renewal=pb.Renewal(token=lasting(3))))
            await heard.until("error", 1)
            await call.done_writing()
    assert heard.of("error")[0].code == "TOKEN_EXPIRING"
    assert time.monotonic() - began > 1


async def test_a_session_ends_when_its_token_is_revoked(tmp_path: Path) -> None:
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    served = settings(tmp_path, tokens_revoked=revoked)
    async with gateway_address(**served) as address, grpc.aio.insecure_channel(address) as channel:
        heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(token(jti="stolen")))
        await call.write(hello("es"))
        await call.read()
        revoked.write_text("stolen\n")
        await read_into(heard, call)
    assert heard.error().code == "TOKEN_REVOKED"
    assert not heard.error().HasField("retry_after_ms")


async def test_the_client_renews_by_itself_and_its_reader_sees_nothing_of_it(tmp_path: Path) -> None:
    made: list[str] = []

    def fresh() -> str:
        made.append(lasting(0.6) if len(made) < 2 else token())
        return made[-1]

    async def lines() -> AsyncIterator[str]:
        for _ in range(3):
            yield "good morning"
            await asyncio.sleep(0.4)

    async with (
        gateway_address(**settings(tmp_path, **QUICK)) as address,
        babelmesh.connect(address, token=fresh) as mesh,
        mesh.session("en", "es") as session,
    ):
        events = [event async for event in session.translate(lines())]
    assert len(made) >= 3
    assert not [event for event in events if isinstance(event, babelmesh.Error)]
    assert len([each for each in events if isinstance(each, babelmesh.TranslationResult) and each.final]) == 3
