"""Keeps what the files of certificates held last that was of use. Files that are broken change nothing but a metric."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from services.common.errors import InvalidArgument
from services.common.telemetry import metrics
from services.common.telemetry.metrics import Reading
from services.common.tls.pems import Files, Pems, read

log = logging.getLogger(__name__)
DAY_SECONDS = 86_400
_RELOADS = metrics.counter("babelmesh.certificate.reloads")
_TAKEN, _REFUSED = "taken", "refused"


@dataclass(frozen=True, slots=True)
class Shown:
    """How logs and metrics call some files: whose they are, and what for."""

    stage: str  # "gateway", "asr", ...
    use: str  # "clients", "operators" or "stages": who sees the certificate


class Kept:
    """Files of certificates, read anew when they change; `run` looks for that. The event is another one each time."""

    def __init__(self, files: Files, shown: Shown) -> None:
        """Read the files. Raises InvalidArgument, whose field is the setting at fault."""
        self._read = _stamps(files)  # what was read last; nothing where it was refused
        self.pems: Pems = read(files)
        self.replaced = asyncio.Event()  # set once these are no longer the newest
        self._files = files
        self._shown = shown
        self._trouble = ""  # that was logged last

    async def run(self, seconds: float) -> None:
        """Look at the files every so many seconds, until cancelled."""
        of = {"stage": self._shown.stage, "use": self._shown.use}
        metrics.from_zero(_RELOADS, ({**of, "outcome": outcome} for outcome in (_TAKEN, _REFUSED)))
        with metrics.observed("babelmesh.certificate.expiry", self._expiry):
            while True:
                await asyncio.sleep(seconds)
                await self.look()

    async def look(self) -> None:
        """Read the files where they changed, and take what they hold over where it is of use."""
        stamps = _stamps(self._files)
        if stamps and stamps == self._read:
            return
        try:
            found = await asyncio.to_thread(read, self._files)
        except InvalidArgument as error:
            self._read = ()
            self._refuse(error)
            return
        self._read, self._trouble = stamps, ""
        if found != self.pems:
            self._take(found)

    def _take(self, found: Pems) -> None:
        self.pems, replaced = found, self.replaced
        self.replaced = asyncio.Event()
        replaced.set()
        self._count(_TAKEN)
        log.info("certificates taken", extra={"fields": {"use": self._shown.use, "days": round(self._days(), 1)}})

    def _refuse(self, error: InvalidArgument) -> None:
        self._count(_REFUSED)
        if error.message != self._trouble:
            self._trouble = error.message
            fields = {"use": self._shown.use, "setting": error.field, "reason": error.message}
            log.error("certificates not taken, the ones before stay in use", extra={"fields": fields})

    def _count(self, outcome: str) -> None:
        _RELOADS.add(1, {"stage": self._shown.stage, "use": self._shown.use, "outcome": outcome})

    def _days(self) -> float:
        return (min(self.pems.certificate_ends, self.pems.authorities_end) - time.time()) / DAY_SECONDS

    def _expiry(self) -> list[Reading]:
        of = {"stage": self._shown.stage, "use": self._shown.use}
        ends = {"certificate": self.pems.certificate_ends, "authorities": self.pems.authorities_end}
        now = time.time()
        return [((end - now) / DAY_SECONDS, {**of, "of": name}) for name, end in ends.items() if end != float("inf")]


def _stamps(files: Files) -> tuple[tuple[int, ...], ...]:
    """Return what tells one state of the files from another; nothing where one of them is not there."""
    try:
        found = [path.stat() for path in files.paths]
    except OSError:
        return ()
    return tuple((each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in found)
