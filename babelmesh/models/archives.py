"""Files read out of archives, member by member: a wheel is a zip, an npm package a tar. Nothing is unpacked as told."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from babelmesh.models.packages import SourceFailed

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)

Archive = zipfile.ZipFile | tarfile.TarFile


class Archives:
    """Archives that are open for the block, so that a package with many files is read once."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[Path, Archive] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def member(self, path: Path, name: str) -> IO[bytes]:
        """Open a file of an archive. Raises SourceFailed when it has none of that name; OSError and DAMAGED."""
        if path not in self._open:
            archive = self._open[path] = _opened(path)
            self._stack.callback(archive.close)
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
