"""What is concluded in a session is archived where that is set, and nothing else is; no session waits for it."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.gateway.archive.receipts import Wanted
from services.gateway.archive.sealing import State
from tests.mesh.archived import archiving, cabinet_of, files, records, talk_as
from tests.mesh.mesh import UTTERANCE, chunks, gateway, gateway_address, hello, talk, text

TENANTS = ("clinic", "bakery")


async def test_final_transcripts_and_translations_are_archived_and_nothing_in_the_clear(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path)) as stub:
        heard = await talk(stub, hello("es", "fr"), *chunks(UTTERANCE), text("a typed wombat", final=True))
    assert heard.of("ready")[0].archived
    kept = await records(tmp_path)
    finals = [(each.segment_id, each.text) for each in heard.of("asr") if each.final]
    assert [(each["segment_id"], each["text"]) for each in kept if each["kind"] == "source"] == finals
    translations = {
        (each.segment_id, each.target_lang, each.text) for each in heard.of("translation") if each.final and each.text
    }
    assert {(e["segment_id"], e["lang"], e["text"]) for e in kept if e["kind"] == "translation"} == translations
    assert (kept[0]["kind"], kept[-1]["kind"]) == ("session", "end")
    assert not [each for each in kept if each["kind"] == "audio"]
    session_id = heard.of("ready")[0].session_id.encode()
    for name, content in files(tmp_path).items():
        assert b"wombat" not in content
        assert session_id not in content
        assert session_id.decode() not in name


async def test_nothing_is_kept_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), text("a typed wombat", final=True))
    assert not heard.of("ready")[0].archived
    assert not files(tmp_path)


async def test_audio_is_archived_where_it_is_asked_for(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path, archive_audio=True)) as stub:
        await talk(stub, hello("es"), *chunks(UTTERANCE))
    cabinet = cabinet_of(tmp_path)
    (part,) = await cabinet.find(Wanted())
    opened = await cabinet.read(part)
    assert opened.state is State.WHOLE
    audio = [each.partition(b"\n") for each in opened.records if b'"audio"' in each]
    assert b"".join(payload for _, _, payload in audio) == UTTERANCE


async def test_a_session_whose_key_cannot_be_had_is_refused_by_name(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path, tenants=())) as stub:
        heard = await talk(stub, hello("es"), text("hello", final=True))
    assert heard.fault
    assert heard.fault.code == "ARCHIVE_UNAVAILABLE"
    assert heard.fault.retry_after_ms
    assert not heard.of("ready")


async def test_a_session_may_go_on_without_and_its_client_is_told(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path, tenants=(), archive_without_keys="go-on")) as stub:
        heard = await talk(stub, hello("es"), text("hello", final=True))
    assert heard.fault is None
    assert not heard.of("ready")[0].archived
    assert [(each.code, each.fatal) for each in heard.of("error")] == [("ARCHIVE_UNAVAILABLE", False)]
    assert [each for each in heard.of("translation") if each.final]


async def test_each_tenant_has_its_own_key_and_those_not_named_are_not_archived(tmp_path: Path) -> None:
    told = archiving(tmp_path, TENANTS, archive_tenants=TENANTS, tenant_metadata="x-tenant")
    async with gateway_address(**told) as address, grpc.aio.insecure_channel(address) as channel:
        stub = pb_grpc.RealtimeTranslateStub(channel)
        for tenant in (*TENANTS, "stranger"):
            heard = await talk_as(tenant, stub, hello("es"), text(f"of {tenant}", final=True))
            assert heard.of("ready")[0].archived is (tenant != "stranger")
    for tenant in TENANTS:
        kept = await records(tmp_path, Wanted(tenant))
        assert [each["text"] for each in kept if each["kind"] == "source"] == [f"of {tenant}"]
    (tmp_path / "keys" / "bakery.key").write_text("f" * 64)
    cabinet = cabinet_of(tmp_path)
    counts = (await cabinet.check()).parts
    assert counts == {"whole": 1, "unreadable": 1}


async def test_a_store_that_fails_loses_by_count_and_holds_no_session(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path, archive_retry_ms=100)) as stub:
        heard = await talk(stub, hello("es"), text("before", final=True))
        kept = tmp_path / "kept"
        assert heard.fault is None
        kept.rename(tmp_path / "away")
        kept.write_text("no folder")
        heard = await talk(stub, hello("es"), text("after", final=True))
    assert heard.fault
    assert heard.fault.code == "ARCHIVE_UNAVAILABLE"
