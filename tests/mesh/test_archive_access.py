"""What is archived is listed, exported, deleted and verified by operators alone; what is deleted is nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from babelmesh.cli.archive import ArchiveFailed, Chosen, Form, Office, deleted, exported, listed, verified
from babelmesh.client.errors import SessionFailed
from bench.measuring.issuer import settings, token
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.archived import OPERATOR, archiving, cabinet_of, files, talk_as
from tests.mesh.mesh import UTTERANCE, Address, chunks, gateway_address, hello, text

TENANTS = ("clinic", "bakery")


@asynccontextmanager
async def archived(folder: Path) -> AsyncIterator[tuple[Address, dict[str, str]]]:
    """A gateway that has archived sessions, given by what was typed in them."""
    told = archiving(folder, TENANTS, tenant_metadata="x-tenant", archive_audio=True)
    sessions = {}
    async with gateway_address(**told) as address:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = pb_grpc.RealtimeTranslateStub(channel)
            for tenant, person in (("clinic", "ann"), ("clinic", "bob"), ("bakery", "ann")):
                said = [hello("es"), *chunks(UTTERANCE[:32_000]), text(f"{person} of {tenant}", final=True)]
                heard = await talk_as(tenant, stub, *said, person=person)
                sessions[f"{person} of {tenant}"] = heard.of("ready")[0].session_id
        await written(folder, 3)
        yield address, sessions


async def written(folder: Path, parts: int) -> None:
    """Waits until so many parts are in the archive to their last record."""
    async with asyncio.timeout(60):
        while True:
            if (await cabinet_of(folder).check()).parts == {"whole": parts}:
                return
            await asyncio.sleep(0.02)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


async def sessions_listed(office: Office, chosen: Chosen, capsys: pytest.CaptureFixture[str]) -> set[str]:
    capsys.readouterr()
    await listed(office, chosen)
    return {json.loads(line)["session"] for line in lines(capsys)}


async def test_sessions_are_listed_by_tenant_and_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with archived(tmp_path) as (address, sessions):
        office = Office(address.operators, OPERATOR)
        assert await sessions_listed(office, Chosen(), capsys) == set(sessions.values())
        assert await sessions_listed(office, Chosen("bakery"), capsys) == {sessions["ann of bakery"]}
        assert await sessions_listed(office, Chosen(subject="bob"), capsys) == {sessions["bob of clinic"]}
        assert not await sessions_listed(office, Chosen(""), capsys)


@pytest.mark.parametrize("form", Form)
async def test_a_session_is_exported_in_every_form(tmp_path: Path, form: Form) -> None:
    async with archived(tmp_path) as (address, sessions):
        session, out = sessions["bob of clinic"], tmp_path / "out"
        await exported(Office(address.operators, OPERATOR), Chosen(session_id=session), form, out)
    written = {path.name.removeprefix(session): path for path in out.iterdir()}
    assert written.keys() >= ({".json"} if form is Form.JSON else {f".en-US.{form}", f".es.{form}"}) | {".1.wav"}
    assert any("bob of clinic" in path.read_text() for name, path in written.items() if not name.endswith(".wav"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in written.values())
    assert written[".1.wav"].read_bytes()[44:] == UTTERANCE[:32_000]


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (Chosen("clinic"), {"ann of bakery"}),
        (Chosen(subject="ann"), {"bob of clinic"}),
        (Chosen("clinic", subject="ann"), {"bob of clinic", "ann of bakery"}),
    ],
    ids=["tenant", "person", "both"],
)
async def test_what_is_deleted_is_nowhere_and_a_receipt_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chosen: Chosen, left: set[str]
) -> None:
    async with archived(tmp_path) as (address, sessions):
        office, receipt = Office(address.operators, OPERATOR), tmp_path / "receipt.json"
        await deleted(office, chosen, receipt)
        assert await sessions_listed(office, Chosen(), capsys) == {sessions[name] for name in left}
        told = json.loads(receipt.read_text())
        pieces = {name for name in files(tmp_path / "kept") if "audit" not in name}
        assert len(told["parts"]) == 3 - len(left)
        assert not [part for part in told["parts"] if any(name.startswith(part) for name in pieces)]
        assert len(pieces) == 2 * len(left)
        await verified(office, "", receipt)
        assert json.loads(lines(capsys)[-1])["receipt_genuine"]
        receipt.write_text(receipt.read_text().replace(told["parts"][0], "another"))
        with pytest.raises(ArchiveFailed, match="receipt"):
            await verified(office, "", receipt)


async def test_a_session_that_is_deleted_as_it_runs_is_written_no_further(tmp_path: Path) -> None:
    told = archiving(tmp_path)
    async with gateway_address(**told) as address, grpc.aio.insecure_channel(address) as channel:
        call = pb_grpc.RealtimeTranslateStub(channel).Stream()
        await call.write(hello("es"))
        ready: Any = await call.read()
        await call.write(text("before", final=True))
        while _kind(await call.read()) != "latency":
            pass
        await deleted(Office(address.operators, OPERATOR), Chosen(session_id=ready.ready.session_id), None)
        await call.write(text("after", final=True))
        await call.done_writing()
        while _kind(await call.read()):
            pass
    assert not {name for name in files(tmp_path / "kept") if "audit" not in name}


def _kind(message: object) -> str:
    which = getattr(message, "WhichOneof", None)
    return which("payload") or "" if which else ""


@pytest.mark.parametrize("operator", ["", "officer", "officer:", "officer:a wrong secret", ":", "nobody:x"])
async def test_nobody_but_an_operator_is_let_in(tmp_path: Path, operator: str) -> None:
    async with gateway_address(**archiving(tmp_path)) as address:
        office = Office(address.operators, operator)
        for call in (
            listed(office, Chosen()),
            exported(office, Chosen(session_id="x"), Form.TXT, tmp_path),
            deleted(office, Chosen(""), None),
            verified(office, "", None),
        ):
            with pytest.raises(SessionFailed) as refused:
                await call
            assert (refused.value.code, refused.value.field) == ("NO_OPERATOR", "babelmesh-operator")


async def test_what_is_asked_for_is_named_where_it_is_missing(tmp_path: Path) -> None:
    async with gateway_address(**archiving(tmp_path)) as address:
        office = Office(address.operators, OPERATOR)
        with pytest.raises(SessionFailed, match=r"selection\.session_id"):
            await exported(office, Chosen(), Form.TXT, tmp_path)
        with pytest.raises(SessionFailed, match="selection: "):
            await deleted(office, Chosen(), None)
        with pytest.raises(ArchiveFailed, match="Nothing is kept"):
            await exported(office, Chosen(session_id="unknown"), Form.TXT, tmp_path)
    async with gateway_address(archive_operators=OPERATOR) as address:
        with pytest.raises(SessionFailed, match="keeps nothing"):
            await listed(Office(address.operators, OPERATOR), Chosen())


async def test_what_was_altered_is_found(tmp_path: Path) -> None:
    async with archived(tmp_path) as (address, _):
        office = Office(address.operators, OPERATOR)
        await verified(office, "", None)
        logs = sorted((tmp_path / "kept").rglob("*.log"))
        piece = next(path for path in logs if path.name != "audit.log")
        content = bytearray(piece.read_bytes())
        content[60] ^= 1
        piece.write_bytes(content)
        with pytest.raises(ArchiveFailed, match="1 parts"):
            await verified(office, "", None)
        audit = tmp_path / "kept" / "audit.log"
        audit.write_text(audit.read_text().replace('"did": "opened"', '"did": "closed"', 1))
        with pytest.raises(ArchiveFailed, match="Line 1 of the audit log"):
            await verified(office, "", None)


async def test_the_audit_log_says_who_did_what_and_names_nobody(tmp_path: Path) -> None:
    async with archived(tmp_path) as (address, sessions):
        office = Office(address.operators, OPERATOR)
        await listed(office, Chosen("clinic"))
        await exported(office, Chosen(session_id=sessions["ann of bakery"]), Form.TXT, tmp_path / "out")
        await deleted(office, Chosen(subject="ann"), None)
    written = (tmp_path / "kept" / "audit.log").read_text()
    told = [json.loads(line) for line in written.splitlines()]
    assert [each["did"] for each in told if each["who"] == "officer"] == ["listed", "exported", "deleted"]
    assert {each["did"] for each in told if each["who"] == "gateway"} == {"opened", "closed"}
    for name in ("ann", "clinic", "bakery", *sessions.values()):
        assert name not in written


async def test_where_tokens_are_asked_for_an_operator_shows_one_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = archiving(tmp_path, ("default",))
    async with gateway_address(**told, **settings(tmp_path)) as address:
        office = Office(address.operators, OPERATOR)
        with pytest.raises(SessionFailed) as refused:
            await listed(office, Chosen())
        assert refused.value.code == "TOKEN_MISSING"
        monkeypatch.setenv("BABELMESH_TOKEN", token(scope="operate"))
        await listed(office, Chosen())
