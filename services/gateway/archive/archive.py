"""The archive of one gateway: begins a part for each call, and writes what calls conclude; none waits for that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Never, TypeAlias

from services.common.cancelling import TaskGroup
from services.common.errors import StageFailed
from services.common.retrying import jittered
from services.common.telemetry import metrics
from services.gateway.archive.cabinet import Cabinet
from services.gateway.archive.hidden import Hider
from services.gateway.archive.keys import KeysUnavailable
from services.gateway.archive.parts import LOG, Part, part_name
from services.gateway.archive.recorder import MISSED, NOTHING, Keeps, Recorder
from services.gateway.archive.sealing import new_key
from services.gateway.archive.settings import ArchiveSettings
from services.gateway.archive.store import Gone, StoreFailed
from services.gateway.masking.masker import Masker
from services.gateway.values.continuation import Continuation
from services.gateway.values.terms import Masks, Terms

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]] | None
log = logging.getLogger(__name__)

UNAVAILABLE = "ARCHIVE_UNAVAILABLE"
AT_ONCE = 8  # parts that are written side by side
_EARLY_BYTES = 256 * 1024  # that wait for one call are written at once
_LAST_SECONDS = 5.0  # for what waits when the gateway stops
_RETRY_MS = 2000
_SESSIONS = metrics.counter("babelmesh.archive.sessions")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is, and by which quota class; both empty where no token says it."""

    tenant: str = ""
    quota_class: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a part is about. These names are hidden before anything is written in the clear."""

    owner: Owner
    session_id: str
    person: str = ""  # whom the session is about, as its client says


@dataclass(frozen=True, slots=True)
class _Wakes:
    """What `run` waits for: that there is something to write, and that it is much."""

    work: asyncio.Event = field(default_factory=asyncio.Event)
    early: asyncio.Event = field(default_factory=asyncio.Event)


class Archive:
    """Begins parts; `run` writes them, and `sweep` deletes what is too old. Without an archive nothing is done."""

    def __init__(
        self,
        settings: ArchiveSettings,
        masker_of: Callable[[Masks, str], Masker],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`masker_of` makes what masks texts of a language."""
        self.cabinet = Cabinet.of(settings) if settings.archives else None
        self._settings = settings
        self._masker_of = masker_of
        self._clock = clock
        self._recorders: dict[str, Recorder] = {}  # by part
        self._wakes = _Wakes()

    @asynccontextmanager
    async def recording(
        self, owner: Owner, metadata: Metadata, terms: Terms, goes_on: Continuation
    ) -> AsyncIterator[Recorder]:
        """A part for a tenant's call, with the call's metadata, that ends with the block.

        Where that fails it is MISSED, or StageFailed is raised, as is set.
        """
        recorder = await self._open(owner, metadata, terms, goes_on)
        try:
            yield recorder
        finally:
            recorder.close()

    async def _open(self, owner: Owner, metadata: Metadata, terms: Terms, goes_on: Continuation) -> Recorder:
        people = [value for key, value in metadata or () if key == self._settings.archive_subject_metadata]
        about = Subject(owner, terms.session_id, str(people[-1]) if people else "")
        try:
            recorder = await self._begun(about, terms)
        except StageFailed:
            if self._settings.archive_without_keys == "refuse":
                raise
            return MISSED
        names = {"tenant": about.owner.tenant, "session_id": about.session_id, "subject": about.person}
        targets = [target.lang for target in terms.targets]
        langs = {"source_langs": list(terms.spoken_langs), "target_langs": targets}
        recorder.began({**names, "epoch": goes_on.epoch, "at_ms": round(self._clock() * 1000), **langs})
        recorder.resumed(goes_on, terms.source_lang)
        return recorder

    async def _begun(self, about: Subject, terms: Terms) -> Recorder:
        cabinet = self.cabinet
        if cabinet is None or not self._settings.archives_of(about.owner.tenant):
            return NOTHING
        began_ms = round(self._clock() * 1000)
        hiding = cabinet.hiding
        names = hiding.tenant(about.owner.tenant), hiding.session(about.session_id)
        name = part_name(*names, began_ms, hiding.quota_class(about.owner.quota_class))
        key = new_key()
        try:
            async with asyncio.timeout(self._settings.archive_keys_timeout_ms / 1000):
                wrapped = await cabinet.keys.wrap(about.owner.tenant, key, name)
                person = hiding.subject(about.person)
                part = Part(name, person, began_ms, about.owner.tenant, about.session_id, wrapped)
                await asyncio.to_thread(cabinet.begin, part)
                await cabinet.note("gateway", "opened", {"part": name})
        except (KeysUnavailable, StoreFailed, OSError, TimeoutError) as error:
            log.warning("session not archived", extra={"fields": {"why": type(error).__name__}})
            _SESSIONS.add(1, {"outcome": "unavailable"})
            raise unavailable() from None
        _SESSIONS.add(1, {"outcome": "archived"})
        recorder = self._recorders[name] = Recorder(name, key, self._kept(terms), self._wake)
        return recorder

    def _kept(self, terms: Terms) -> Keeps:
        """What is kept of a session; its audio only where nothing is masked, as it would hold that."""
        masks = terms.masks
        hides = bool(masks.kinds or masks.profanity)
        hider = Hider(partial(self._masker_of, masks)) if hides and masks.stored_only else None
        joins = self.cabinet is not None and self.cabinet.store.joins
        return Keeps(self._settings.archive_audio and not hides, hider, joins)

    async def run(self) -> Never:
        """Write what waits, again and again. Runs until it is cancelled."""
        while True:
            await self._wakes.work.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.archive_flush_ms / 1000):
                    await self._wakes.early.wait()
            self._wakes.work.clear()
            self._wakes.early.clear()
            await self.flush()
            if any(recorder.due for recorder in self._recorders.values()):
                self._wakes.work.set()

    async def sweep(self) -> Never:
        """Delete what is too old, at the start and then as often as is set. Runs until it is cancelled."""
        while True:
            if self.cabinet:
                try:
                    await self.cabinet.sweep(self._settings, round(self._clock() * 1000), frozenset(self._recorders))
                except (StoreFailed, OSError) as error:
                    log.warning("archive not swept", extra={"fields": {"why": type(error).__name__}})
            await asyncio.sleep(self._settings.archive_sweep_seconds)

    async def flush(self) -> None:
        """Write what waits now."""
        due = [recorder for recorder in self._recorders.values() if recorder.due]
        limit = asyncio.Semaphore(AT_ONCE)
        async with TaskGroup() as tasks:
            for recorder in due:
                tasks.create_task(self._write(recorder, limit))

    async def stop(self) -> None:
        """Write what waits, but not for long: the gateway stops."""
        for recorder in self._recorders.values():
            recorder.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self.flush()
                await self.flush()  # a batch that was sealed before has no end in it

    def forget(self, deleted: Callable[[str], bool]) -> None:
        """Write nothing more of parts that were deleted: by their names."""
        for name in [name for name in self._recorders if deleted(name)]:
            self._recorders.pop(name).drop()

    def _wake(self, waiting_bytes: int) -> None:
        self._wakes.work.set()
        if waiting_bytes >= _EARLY_BYTES:
            self._wakes.early.set()

    async def _write(self, recorder: Recorder, limit: asyncio.Semaphore) -> None:
        cabinet = self.cabinet
        assert cabinet
        async with limit:
            if recorder.hides:
                await asyncio.to_thread(recorder.hide)
            batch = recorder.batch()
            now = asyncio.get_running_loop().time()
            try:
                await asyncio.to_thread(cabinet.store.append, recorder.part + LOG, batch.offset, batch.sealed)
            except Gone:
                recorder.drop()
            except StoreFailed:
                since = recorder.progress.failing_since = recorder.progress.failing_since or now
                if now - since >= self._settings.archive_retry_ms / 1000:
                    recorder.give_up()
                    log.error("archive failed", extra={"fields": {"lost": recorder.progress.lost}})
            else:
                if not recorder.progress.over:
                    recorder.wrote()
                    await self._join(cabinet, recorder)
            if recorder.progress.over:
                self._recorders.pop(recorder.part, None)
                await self._closed(cabinet, recorder)

    async def _join(self, cabinet: Cabinet, recorder: Recorder) -> None:
        with suppress(StoreFailed):  # then it lies apart, and is read as well
            if apart := recorder.joinable():
                await asyncio.to_thread(cabinet.store.join, recorder.part + LOG, apart)

    async def _closed(self, cabinet: Cabinet, recorder: Recorder) -> None:
        told = {"part": recorder.part, "records": recorder.progress.kept, "lost": recorder.progress.lost}
        try:
            await cabinet.note("gateway", "closed", told)
        except OSError as error:
            log.warning("audit log not written", extra={"fields": {"why": type(error).__name__}})


def unavailable() -> StageFailed:
    """The fault of a session that cannot be archived."""
    message = "The session cannot be archived now: its key or the store cannot be had."
    return StageFailed(UNAVAILABLE, message, retry_after_ms=jittered(_RETRY_MS))
