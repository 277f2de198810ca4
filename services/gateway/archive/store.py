"""Where parts lie: a store of named pieces, and one that is a folder. What it is given is sealed already.

Stores are asked in threads: they block.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

NEW = ".new"  # ends the names of files that are being made


class StoreFailed(Exception):
    """The store did not do what it was asked: `args[0]` says why, and names nothing that is in it."""


class Gone(StoreFailed):
    """There is no such piece, or no more."""


class Store(Protocol):
    """Pieces by name. Names are of lower-case letters, digits, "-", "." and "/"."""

    joins: bool  # whether what was appended lies apart until it is joined

    def create(self, name: str, data: bytes) -> None:
        """Keep a piece, whole or not at all, so that it outlasts a crash. Raises StoreFailed."""

    def append(self, name: str, offset: int, data: bytes) -> None:
        """Add to a piece, once created, that has `offset` bytes, so that it outlasts a crash.

        Doing it again changes nothing. Raises StoreFailed; Gone where the piece was deleted meanwhile.
        """

    def join(self, name: str, appended: Sequence[tuple[int, bytes]]) -> None:
        """Keep together what was appended to a piece one behind the other, by offset. Changes nothing that is read.

        Only who appends may do this. Raises StoreFailed.
        """

    def read(self, name: str) -> bytes:
        """A piece. Raises StoreFailed; Gone where there is none."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of all pieces that begin so, in order. Raises StoreFailed."""

    def delete(self, name: str) -> None:
        """Delete a piece, which may be gone already, so that it stays deleted after a crash. Raises StoreFailed."""


class FolderStore:
    """A folder, whose files only its owner can read. Every change is on the disk when a call returns."""

    joins = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str, data: bytes) -> None:
        """Write a file beside its place, then rename it."""
        path = self._folder / name
        new = path.with_name(f"{path.name}.{secrets.token_hex(4)}{NEW}")
        try:
            self._make(path.parent)
            _write(new, 0, data, os.O_CREAT | os.O_EXCL)
            new.replace(path)
            _sync(path.parent)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise _failed(error) from None

    def append(self, name: str, offset: int, data: bytes) -> None:
        """Write at an offset of a file that is there."""
        try:
            _write(self._folder / name, offset, data, 0)
        except OSError as error:
            raise _failed(error) from None

    def join(self, name: str, appended: Sequence[tuple[int, bytes]]) -> None:
        """Do nothing: a file has all that was appended."""

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise _failed(error) from None

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of the files, relative to the folder."""
        try:
            above = self._folder / prefix.rpartition("/")[0]
            found = sorted(
                str((Path(folder) / file).relative_to(self._folder))
                for folder, _, files in os.walk(above)
                for file in files
            )
        except OSError as error:
            raise _failed(error) from None
        return (name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Delete a file, and the folders that it leaves empty."""
        path = self._folder / name
        try:
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _sync(path.parent)
        except OSError as error:
            raise _failed(error) from None
        for folder in list(path.parents)[: len(Path(name).parts) - 1]:
            try:
                folder.rmdir()
            except OSError:  # something is left in it
                return

    def _make(self, folder: Path) -> None:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            _sync(each.parent)


def _write(path: Path, offset: int, data: bytes, flags: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            count = os.pwrite(file, rest, offset)
            offset, rest = offset + count, rest[count:]
        os.ftruncate(file, offset)
        os.fsync(file)
    finally:
        os.close(file)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(error: OSError) -> StoreFailed:
    if isinstance(error, FileNotFoundError):
        return Gone("There is no such piece in the archive.")
    return StoreFailed(f"The archive's folder fails: {error.strerror}.")
