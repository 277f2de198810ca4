"""What is older than its tenant keeps it is deleted, and what deletions and crashes left; nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.gateway.archive.audit import Audit
from services.gateway.archive.cabinet import DAY_MS, ORPHAN_MS, Cabinet
from services.gateway.archive.hiding import Hiding
from services.gateway.archive.keys import FileKeys
from services.gateway.archive.parts import KEY, LOG, Part, part_name
from services.gateway.archive.receipts import Wanted
from services.gateway.archive.store import FolderStore
from services.gateway.settings import GatewaySettings

NOW_MS = 1_000 * DAY_MS
SECRET = "s" * 32


def settings_of(folder: Path, **more: object) -> GatewaySettings:
    kept: dict[str, object] = {"archive": str(folder), "archive_secret": SECRET, "archive_keys": str(folder)}
    return GatewaySettings.model_validate({**GatewaySettings().model_dump(exclude_defaults=True), **kept, **more})


def cabinet_of(folder: Path) -> Cabinet:
    hiding = Hiding(SECRET.encode())
    return Cabinet(FolderStore(folder), FileKeys(folder), hiding, Audit(folder / "audit.log", hiding))


def begun(cabinet: Cabinet, tenant: str, session: str, days_ago: float, quota_class: str = "") -> Part:
    began_ms = NOW_MS - round(days_ago * DAY_MS)
    hidden = cabinet.hiding.quota_class(quota_class)
    name = part_name(cabinet.hiding.tenant(tenant), cabinet.hiding.session(session), began_ms, hidden)
    part = Part(name, "", began_ms, tenant, session, b"wrapped")
    cabinet.begin(part)
    return part


async def left(cabinet: Cabinet) -> set[str]:
    return {part.session_id for part in await cabinet.find(Wanted())}


async def test_a_quota_classs_sessions_are_kept_for_its_days_but_a_tenants_own_come_first(tmp_path: Path) -> None:
    cabinet = cabinet_of(tmp_path)
    for tenant in ("clinic", "bakery"):
        for quota_class in ("trial", "gold", ""):
            begun(cabinet, tenant, f"{tenant} {quota_class}", 8, quota_class)
    more: dict[str, object] = {"archive_tenant_days": {"clinic": 365}, "archive_class_days": {"trial": 7, "gold": 90}}
    assert await cabinet.sweep(settings_of(tmp_path, archive_days=30, **more), NOW_MS, ()) == 1
    assert "bakery trial" not in await left(cabinet)
    assert await cabinet.sweep(settings_of(tmp_path, archive_days=1, **more), NOW_MS, ()) == 1
    assert await left(cabinet) == {"clinic trial", "clinic gold", "clinic ", "bakery gold"}
    assert not [name for name in cabinet.store.names() if "trial" in name or "gold" in name]


async def test_each_tenants_sessions_are_kept_for_its_days(tmp_path: Path) -> None:
    cabinet = cabinet_of(tmp_path)
    for tenant in ("clinic", "bakery"):
        for days in (1, 8, 40, 400):
            begun(cabinet, tenant, f"{tenant} {days}", days)
    settings = settings_of(tmp_path, archive_days=30, archive_tenant_days={"clinic": 365, "bakery": 7})
    assert await cabinet.sweep(settings, NOW_MS, ()) == 4
    assert await left(cabinet) == {"clinic 1", "clinic 8", "clinic 40", "bakery 1"}
    assert await cabinet.sweep(settings, NOW_MS, ()) == 0
    assert len(list(cabinet.store.names())) == 2 * 4 + 2  # and the audit log, and its head
    (line,) = (tmp_path / "audit.log").read_text().splitlines()
    assert (json.loads(line)["did"], json.loads(line)["parts"]) == ("swept", 4)


async def test_a_shorter_time_counts_for_what_is_there_already(tmp_path: Path) -> None:
    cabinet = cabinet_of(tmp_path)
    begun(cabinet, "", "old", 20)
    assert await cabinet.sweep(settings_of(tmp_path, archive_days=30), NOW_MS, ()) == 0
    assert await cabinet.sweep(settings_of(tmp_path, archive_days=10), NOW_MS, ()) == 1


async def test_what_a_crash_left_is_deleted_and_what_is_being_made_is_not(tmp_path: Path) -> None:
    cabinet = cabinet_of(tmp_path)
    old, young, live = (begun(cabinet, "", name, days) for name, days in (("old", 1), ("young", 0), ("live", 1)))
    for part in (old, young, live):
        cabinet.store.delete(part.name + KEY)
    kept = begun(cabinet, "", "kept", 1)
    half_made = tmp_path / f"{kept.name}.key.0123abcd.new"
    half_made.write_bytes(b"half")
    await cabinet.sweep(settings_of(tmp_path), NOW_MS + ORPHAN_MS - 1, {live.name})
    assert set(cabinet.store.names()) - {"audit.log", "audit.log.head"} == {
        young.name + LOG,
        live.name + LOG,
        kept.name + LOG,
        kept.name + KEY,
    }


async def test_a_key_that_was_changed_is_no_part_and_is_told(tmp_path: Path) -> None:
    cabinet = cabinet_of(tmp_path)
    part, other = begun(cabinet, "clinic", "one", 1), begun(cabinet, "clinic", "two", 1)
    (tmp_path / f"{part.name}.key").write_bytes((tmp_path / f"{other.name}.key").read_bytes())
    assert await left(cabinet) == {"two"}
    assert (await cabinet.check()).altered == (part.name + KEY,)


def test_names_in_the_archive_tell_nothing_without_its_secret(tmp_path: Path) -> None:
    cabinet, other = cabinet_of(tmp_path), Hiding(b"t" * 32)
    part = begun(cabinet, "clinic", "a session", 0)
    assert part.name.split("/")[0] != other.tenant("clinic")
    assert "clinic" not in "".join(cabinet.store.names())
    assert b"clinic" not in cabinet.store.read(part.name + KEY)
    assert replace(part, wrapped=b"").dumped(other) != replace(part, wrapped=b"").dumped(cabinet.hiding)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"archive": "kept", "archive_keys": "keys"}, "archive_secret"),
        ({"archive": "kept", "archive_keys": "keys", "archive_secret": "short"}, "archive_secret"),
        ({"archive": "kept", "archive_secret": SECRET}, "archive_keys"),
        ({"archive": "gs://bucket", "archive_secret": SECRET, "archive_keys": "keys"}, "to be a folder"),
        ({"archive_keys": "http://keys.example/v1"}, "TLS"),
        ({"archive_operators": "officer:short"}, "operator 1"),
        ({"archive_tenant_days": {"clinic": 0}}, "0 is no number of days"),
        ({"archive_without_keys": "perhaps"}, "refuse"),
    ],
)
def test_settings_that_make_no_archive_are_refused_by_name(told: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        GatewaySettings.model_validate(told)
    assert SECRET not in str(refused.value)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"": "kept", "_SECRET": SECRET, "_KEYS": "https://keys.example/v1", "_TENANTS": "clinic, bakery"}
    for name, value in {**told, "_TENANT_DAYS": '{"clinic": 365}'}.items():
        monkeypatch.setenv(f"GATEWAY_ARCHIVE{name}", value)
    settings = GatewaySettings()
    assert [settings.archives_of(tenant) for tenant in ("clinic", "bakery", "", "other")] == [True, True, False, False]
    assert settings.archive_tenant_days == {"clinic": 365}
