"""Names of tokens or certificates that are not good any more, though they have not expired: a file with one a line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_MOST_BYTES = 16 * 1024 * 1024


def as_written(line: str) -> str:
    """Return a line as a name: the default where names have one form."""
    return line


class Revoked:
    """The names in a file, read again when it has changed. A file that cannot be used leaves those before in force."""

    def __init__(self, path: Path | None, what: str, name: Callable[[str], str] = as_written) -> None:
        """`what` is how the log calls them; `name` makes a name of a line, and raises ValueError where it is none."""
        self._path = path
        self._what = what
        self._name = name
        self._names: frozenset[str] = frozenset()
        self._stamp: tuple[int, int] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @property
    def set(self) -> bool:
        """Whether there is a file."""
        return self._path is not None

    def reload(self) -> bool:
        """Read the file if it has changed; blocks. Return whether the names are others now."""
        if self._path is None:
            return False
        before = self._names
        try:
            told = self._path.stat()
            stamp = (told.st_mtime_ns, told.st_size)
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self._names = self.read()
        except (OSError, ValueError) as error:
            fields = {"what": self._what, "reason": type(error).__name__}
            log.warning("revocations not read, those before stay in force", extra={"fields": fields})
        return self._names != before

    def read(self) -> frozenset[str]:
        """Return the names in the file; blocks. Empty lines and those that begin with # are none.

        Raises OSError, or ValueError for a file that is too large or a line that is no name.
        """
        assert self._path is not None
        if self._path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        lines = (line.strip() for line in self._path.read_text(encoding="utf-8").splitlines())
        return frozenset(self._name(line) for line in lines if line and not line.startswith("#"))
