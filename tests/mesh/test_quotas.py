"""Sessions within quotas, at a gateway that counts alone."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import babelmesh
from bench.measuring.issuer import bearer, settings, token
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.statuses import from_rpc_error
from tests.measured import measured
from tests.mesh.mesh import Address, Heard, chunks, gateway_address, hello, loud, read_into, text

CAPTIONS = pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)
CLASSES: dict[str, Any] = {
    "default": {},
    "one": {"sessions": 1},
    "words": {"characters": {"day": 30}},
    "listens": {"audio_minutes": {"day": 0.2}},
    "nothing": {"voice_minutes": {"month": 0}},
}


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[Address]:
    (tmp_path / "quotas.json").write_text(json.dumps(CLASSES))
    told = settings(tmp_path, quotas=tmp_path / "quotas.json", usage=tmp_path / "usage.jsonl")
    async with gateway_address(**told) as served:
        yield served


async def talk(address: str, quota: str, *messages: pb.ClientMessage) -> Heard:
    """One session of a tenant of a class, to its end."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = RealtimeTranslateStub(channel).Stream(metadata=bearer(token(quota=quota, tenant=quota)))
        heard = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            try:
                for message in messages:
                    await call.write(message)
                await call.done_writing()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                pass  # the reader knows why
    return heard


async def test_a_second_session_waits_until_the_first_has_ended(address: Address) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        first = RealtimeTranslateStub(channel).Stream(metadata=bearer(token(quota="one", tenant="one")))
        await first.write(hello(CAPTIONS))
        ready = await first.read()
        assert isinstance(ready, pb.ServerMessage)
        assert ready.HasField("ready")
        refused = (await talk(address, "one", hello(CAPTIONS))).error()
        assert refused.code == "QUOTA_SESSIONS"
        assert refused.retry_after_ms
        await first.done_writing()
        await read_into(Heard(), first)
    assert (await talk(address, "one", hello(CAPTIONS))).of("ready")


async def test_a_session_ends_with_its_quota_after_a_warning_and_can_be_resumed(address: Address) -> None:
    async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as tasks:
        shown, heard = bearer(token(quota="listens", tenant="listens")), Heard()
        call = RealtimeTranslateStub(channel).Stream(metadata=shown)
        tasks.create_task(read_into(heard, call))
        for message in (hello(CAPTIONS), *chunks(loud(11.2), 1.0)):
            await call.write(message)
        await heard.until("error", 1)
        for message in chunks(loud(1.5)):
            await call.write(message)
        await heard.until("error", 2)
        await call.done_writing()
    assert [each.code for each in heard.of("error")] == ["QUOTA_ENDING", "QUOTA_EXHAUSTED"]
    assert heard.error().fatal
    assert 0 < heard.error().retry_after_ms <= 86_401_000
    assert "0.2 audio minutes a day, until " in heard.error().message
    assert heard.fault
    again = await talk(address, "listens", hello(CAPTIONS))
    assert again.error().code == "QUOTA_EXHAUSTED"
    assert not again.of("ready")


async def test_the_client_does_not_wait_for_a_quota_of_tomorrow(address: Address) -> None:
    async def speech() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield loud(1.0)
            await asyncio.sleep(0.02)

    async def heard() -> None:
        shown = token(quota="listens", tenant="listens")
        async with babelmesh.connect(address, token=shown) as mesh, mesh.session("en", CAPTIONS) as session:
            async for _ in session.translate(speech()):
                pass

    began = time.monotonic()
    with pytest.raises(babelmesh.SessionFailed) as ended:
        await heard()
    assert ended.value.code == "QUOTA_EXHAUSTED"
    assert time.monotonic() - began < 120  # a quota of tomorrow is hours away


async def test_texts_count_for_each_language_and_are_refused_with_what_is_missing(address: Address) -> None:
    request = pb.TranslateTextRequest(text="good morning", source_lang="en", target_langs=["es", "ca"])
    async with grpc.aio.insecure_channel(address) as channel:
        stub, shown = RealtimeTranslateStub(channel), bearer(token(quota="words"))
        await stub.TranslateText(request, metadata=shown)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.TranslateText(request, metadata=shown)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        fault = from_rpc_error(refused.value, "GATEWAY")
        assert fault.code == "QUOTA_EXHAUSTED"
        assert "30 characters a day, until " in str(fault)
        other = bearer(token(quota="words", tenant="other"))
        await stub.TranslateText(request, metadata=other)


async def test_a_class_that_nobody_set_and_a_quota_of_nothing_let_nobody_in(address: Address) -> None:
    assert (await talk(address, "golden", hello(CAPTIONS))).error().code == "QUOTA_CLASS_UNKNOWN"
    assert (await talk(address, "nothing", hello("es"))).error().code == "QUOTA_EXHAUSTED"


async def test_what_a_session_used_is_a_line_of_the_bill(address: Address, tmp_path: Path) -> None:
    await talk(address, "default", hello("es"), *chunks(loud(2)), text("good morning", final=True))
    path = tmp_path / "usage.jsonl"
    for _ in range(1_200):
        if path.read_text():
            break
        await asyncio.sleep(0.05)
    (line,) = [json.loads(each) for each in path.read_text().splitlines()]
    assert (line["kind"], line["tenant"], line["quota_class"], line["outcome"]) == ("session", "default", "default", "")
    assert line["audio_ms"] == 2000
    assert line["voice_ms"] > 0
    assert line["characters"] > 0
    assert line["spoken_characters"] > 0
    tokens = line["tokens"]
    assert all(tokens[kind] > 0 for kind in ("recognized", "source", "target", "symbols"))
    assert tokens["source"] == tokens["target"] == tokens["recognized"] + 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "morning" not in path.read_text()


async def test_what_engines_do_not_count_is_absent_from_the_bill_not_zero(tmp_path: Path) -> None:
    path, engine = tmp_path / "usage.jsonl", {"counts_tokens": False}
    with measured() as seen:
        async with gateway_address(engine, engine, engine, **settings(tmp_path, usage=path)) as address:
            await talk(address, "default", hello("es"), *chunks(loud(2)), text("good morning", final=True))
            async with grpc.aio.insecure_channel(address) as channel:
                request = pb.TranslateTextRequest(text="one two", source_lang="en", target_langs=["es"])
                await RealtimeTranslateStub(channel).TranslateText(request, metadata=bearer(token()))
        untold = seen.values("usage.untold")
    session, lone = [json.loads(each) for each in path.read_text().splitlines()]
    assert session["tokens"] == {}
    assert session["spoken_characters"] > 0
    assert lone["tokens"] == {"recognized": 0, "symbols": 0}
    assert untold["default", "recognized"] == 1
    assert untold["default", "source"] == untold["default", "target"] == 3
    assert untold["default", "symbols"] > 0
