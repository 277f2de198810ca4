"""Who did what with the archive, and when: lines that are only ever added, each signed together with the one before.

Names of tenants, sessions and people stand in it as the archive's secret hides them, and nothing of what was said does.
`verified` finds a line that was changed, removed, put in or moved; that the last lines were taken off it finds by the
head that is kept beside the log, or by one that was written down elsewhere.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.gateway.archive.hiding import MAC, Hiding

_KIND = "audit"
_HEAD = "audit head"
_MOST_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """How many lines a log has, and the signature of the last one."""

    lines: int = 0
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """What became of a log: its head, and the first line that is not as it was written; 0: all are."""

    head: Head
    wrong_line: int = 0
    why: str = ""


class Audit:
    """A log in a file. Several processes of one machine may add to it. Its methods block."""

    def __init__(self, path: Path, hiding: Hiding) -> None:
        self._path = path
        self._hiding = hiding

    def add(self, at_ms: int, who: str, did: str, about: Mapping[str, object]) -> None:
        """Add a line, which is on the disk when this returns. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            before, end = _last(log.fileno())
            if not end and self._read_head() is None:
                self._write_head(0, "")  # so that a log has one from its first line on, whenever it is killed
            line = {"n": before.lines + 1, "at_ms": at_ms, "who": who, "did": did, **about, "before": before.mac}
            signed = self._hiding.signed(_KIND, line)
            os.ftruncate(log.fileno(), end)  # half a line, of a process that ended as it wrote it
            os.pwrite(log.fileno(), json.dumps(signed).encode() + b"\n", end)
            os.fsync(log.fileno())
            self._write_head(before.lines + 1, str(signed[MAC]))

    def verified(self, known: Head | None = None) -> Audited:
        """Read the whole log; `known` is a head of it that was written down before. Raises OSError."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]  # half a line is that of a process that was killed
        except FileNotFoundError:
            lines = []
        before = Head()
        for line in lines:
            number = before.lines + 1
            try:
                read = json.loads(line)
            except ValueError:
                read = None
            if not isinstance(read, dict) or not self._hiding.vouches(_KIND, read):
                return Audited(before, number, "It is not as it was written.")
            if (read.get("n"), read.get("before")) != (number, before.mac):
                return Audited(before, number, "It does not follow the line before.")
            before = Head(number, str(read[MAC]))
            if known and known.lines == number and known.mac != before.mac:
                return Audited(before, number, "It is another one than was written down.")
        kept = self._read_head()
        for head in (kept, known):
            if head and head.lines > before.lines:
                return Audited(before, before.lines + 1, f"There were {head.lines} lines.")
        if kept is None and before.lines:
            return Audited(before, before.lines, "The head beside the log is missing, or not as it was written.")
        return Audited(before)

    @property
    def _head_path(self) -> Path:
        return self._path.with_name(f"{self._path.name}.head")

    def _write_head(self, lines: int, mac: str) -> None:
        new = self._head_path.with_suffix(".head.new")
        told = json.dumps(self._hiding.signed(_HEAD, {"n": lines, "last": mac}))
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(told)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._head_path)

    def _read_head(self) -> Head | None:
        try:
            read = json.loads(self._head_path.read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(read, dict) or not self._hiding.vouches(_HEAD, read):
            return None
        return Head(int(read["n"]), str(read["last"]))


def _last(log: int) -> tuple[Head, int]:
    """The head of a log by its last whole line, and where that ends."""
    size = os.fstat(log).st_size
    start = max(0, size - 2 * _MOST_LINE_BYTES)
    tail = os.pread(log, size - start, start)
    whole = tail[: tail.rfind(b"\n") + 1]
    end = start + len(whole)
    if not whole:
        return Head(), 0
    try:
        line = json.loads(whole.splitlines()[-1])
        return Head(int(line["n"]), str(line[MAC])), end
    except (ValueError, KeyError, TypeError):  # somebody changed it: what follows says after which line
        return Head(), end
