"""Tokens that are not good any more, though they have not expired: a file with the id (`jti`) of one in each line."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

_MOST_BYTES = 16 * 1024 * 1024


class Revoked:
    """The ids in a file, read again when it has changed. A file that cannot be read leaves those before in force."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._ids: frozenset[str] = frozenset()
        self._stamp: tuple[int, int] | None = None

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._ids

    def reload(self) -> bool:
        """Read the file if it has changed; blocks. Return whether the ids are others now."""
        if self._path is None:
            return False
        before = self._ids
        try:
            told = self._path.stat()
            stamp = (told.st_mtime_ns, told.st_size)
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self._ids = read_ids(self._path.read_text(encoding="utf-8")) if told.st_size <= _MOST_BYTES else before
        except (OSError, UnicodeError) as error:
            log.warning("revoked tokens not read", extra={"fields": {"reason": type(error).__name__}})
        return self._ids != before


def read_ids(text: str) -> frozenset[str]:
    """Return the ids of a text, one a line; empty lines and those that begin with # are none."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
