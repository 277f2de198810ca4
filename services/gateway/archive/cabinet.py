"""What lies in the archive: found, opened, deleted, and checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.gateway.archive.audit import Audit, Audited, Head
from services.gateway.archive.hiding import Hiding
from services.gateway.archive.http_keys import HttpKeys
from services.gateway.archive.keys import FileKeys, Keys, KeysUnavailable
from services.gateway.archive.parts import KEY, LOG, NoPart, Part, age_ms, class_of, read_part
from services.gateway.archive.receipts import Wanted, receipt
from services.gateway.archive.s3_store import Bucket, S3Store
from services.gateway.archive.sealing import State, Unsealed, unsealed
from services.gateway.archive.settings import ArchiveSettings
from services.gateway.archive.store import NEW, FolderStore, Gone, Store

DAY_MS = 86_400_000
ORPHAN_MS = 600_000  # a younger piece without its part may be one that is just being made
UNREADABLE = "unreadable"  # the key of a part cannot be had


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the archive: the audit log, and how many parts are in which state."""

    audited: Audited
    parts: Mapping[str, int]
    altered: tuple[str, ...]  # names of parts, or of pieces that are no part's


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The store, the keys, the secret and the audit log of one archive."""

    store: Store
    keys: Keys
    hiding: Hiding
    audit: Audit

    @classmethod
    def of(cls, settings: ArchiveSettings) -> Self:
        """The archive that settings name."""
        assert settings.archive_secret
        hiding = Hiding(settings.archive_secret.get_secret_value().encode())
        audit = Audit(settings.archive_audit or Path(settings.archive) / "audit.log", hiding)
        return cls(_store(settings), _keys(settings), hiding, audit)

    async def note(self, who: str, did: str, about: Mapping[str, object]) -> None:
        """Add a line to the audit log. Raises OSError."""
        await asyncio.to_thread(self.audit.add, _now_ms(), who, did, about)

    def begin(self, part: Part) -> None:
        """Make the pieces of a part: what is deleted later cannot come back by being written to. Raises StoreFailed."""
        self.store.create(part.name + LOG, b"")
        self.store.create(part.name + KEY, part.dumped(self.hiding))

    async def find(self, wanted: Wanted) -> list[Part]:
        """The parts that are wanted, the oldest of a session first. Raises StoreFailed."""
        return await asyncio.to_thread(lambda: sorted(self._found(wanted), key=lambda part: part.name))

    async def read(self, part: Part) -> Unsealed:
        """Open a part. Raises StoreFailed, and KeysUnavailable."""
        key = await self.keys.unwrap(part.tenant, part.wrapped, part.name)
        try:
            return unsealed(key, part.name, await asyncio.to_thread(self.store.read, part.name + LOG))
        except Gone:  # nothing was written yet
            return Unsealed((), State.OPEN)

    async def delete(self, who: str, wanted: Wanted, parts: Collection[Part]) -> str:
        """Delete parts, their keys first, and return a receipt. Raises StoreFailed, and OSError."""
        await asyncio.to_thread(self._destroy, [part.name for part in parts])
        names = sorted(part.name for part in parts)
        text = receipt(self.hiding, who, _now_ms(), wanted, names)
        told = {"scope": str(wanted.scope), "parts": len(names), **wanted.hidden(self.hiding)}
        await self.note(who, "deleted", told)
        return text

    async def sweep(self, settings: ArchiveSettings, now_ms: int, live: Collection[str]) -> int:
        """Delete the parts that are older than is set, and what deletions and crashes left. Returns how many parts."""
        tenants = {self.hiding.tenant(name): days for name, days in settings.archive_tenant_days.items()}
        classes = {self.hiding.quota_class(name): days for name, days in settings.archive_class_days.items()}

        def days(name: str) -> int:
            of_class = classes.get(class_of(name), settings.archive_days)
            return tenants.get(name.partition("/")[0], of_class)

        def old() -> list[str]:
            names = [name for name in self.store.names() if name.count("/") == 2]
            keys = {name.removesuffix(KEY) for name in names if name.endswith(KEY)}
            expired = {name for name in keys if age_ms(name, now_ms) > DAY_MS * days(name)}
            for name in names:
                part = name.partition(".")[0]
                left = name.endswith(NEW) or part not in keys
                if left and part not in live and age_ms(part, now_ms) > ORPHAN_MS:
                    self.store.delete(name)
            self._destroy(expired)
            return sorted(expired)

        swept = await asyncio.to_thread(old)
        if swept:
            await self.note("gateway", "swept", {"parts": len(swept)})
        return len(swept)

    async def check(self, known: Head | None = None) -> Checked:
        """Verify the audit log, and every part. Raises StoreFailed, and OSError."""
        audited = await asyncio.to_thread(self.audit.verified, known)
        counts: dict[str, int] = {}
        altered = await asyncio.to_thread(lambda: list(self._strange()))
        for part in await self.find(Wanted()):
            try:
                state = str((await self.read(part)).state)
            except KeysUnavailable:
                state = UNREADABLE
            counts[state] = counts.get(state, 0) + 1
            if state == State.ALTERED:
                altered.append(part.name)
        return Checked(audited, counts, tuple(altered))

    def _found(self, wanted: Wanted) -> Iterator[Part]:
        session = self.hiding.session(wanted.session_id) if wanted.session_id else ""
        subject = self.hiding.subject(wanted.subject)
        for name in self._keys("" if wanted.tenant is None else self.hiding.tenant(wanted.tenant) + "/"):
            if session and name.split("/")[1] != session:
                continue
            try:
                part = self._part(name)
            except (NoPart, Gone):
                continue
            if not subject or part.subject == subject:
                yield part

    def _strange(self) -> Iterator[str]:
        """Keys of parts that are not as they were written."""
        for name in self._keys():
            try:
                self._part(name)
            except NoPart:
                yield name
            except Gone:
                continue

    def _keys(self, prefix: str = "") -> Iterator[str]:
        return (name for name in self.store.names(prefix) if name.endswith(KEY) and name.count("/") == 2)

    def _part(self, name: str) -> Part:
        part = read_part(self.store.read(name), self.hiding)
        if part.name + KEY != name:
            raise NoPart
        return part

    def _destroy(self, parts: Collection[str]) -> None:
        for name in parts:
            self.store.delete(name + KEY)
        for name in parts:
            self.store.delete(name + LOG)


def _store(settings: ArchiveSettings) -> Store:
    if not settings.archive.startswith("s3://"):
        return FolderStore(Path(settings.archive))
    key, secret = settings.archive_s3_access_key_id, settings.archive_s3_secret_access_key
    return S3Store(
        Bucket(
            settings.archive,
            settings.archive_s3_endpoint,
            settings.archive_s3_region,
            key.get_secret_value() if key else "",
            secret.get_secret_value() if secret else "",
        )
    )


def _keys(settings: ArchiveSettings) -> Keys:
    if not settings.archive_keys.startswith(("http://", "https://")):
        return FileKeys(Path(settings.archive_keys))
    token = settings.archive_keys_token
    return HttpKeys(
        settings.archive_keys, token.get_secret_value() if token else "", settings.archive_keys_timeout_ms / 1000
    )


def _now_ms() -> int:
    return round(1000 * time.time())
