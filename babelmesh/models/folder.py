"""The folder of installed bundles: NAME/VERSION, each complete or absent."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from babelmesh.client.errors import ModelsFailed
from services.common.errors import InvalidArgument
from services.common.neural.bundles import MANIFEST, Bundle, Manifest, read, write

PARTIAL = ".partial"
ARCHIVES = "archives"
_DATA = ".local/share"  # XDG Base Directory Specification: where XDG_DATA_HOME is not set


def default_folder() -> Path:
    """Return the default folder of bundles."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / _DATA) / "babelmesh" / "models"


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed bundle with a readable manifest."""

    bundle: Bundle

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.bundle.manifest

    @property
    def title(self) -> str:
        """The name and version, as they are named on the command line: "name@version"."""
        return f"{self.manifest.name}@{self.manifest.version}"

    @property
    def placed(self) -> float:
        """Time of installation, in seconds since 1970."""
        return (self.bundle.folder / MANIFEST).stat().st_mtime

    @property
    def fault(self) -> str:
        """The first wrong file, by size alone: checksums take `verify` long. Empty when all are right."""
        for name, expected in self.manifest.files.items():
            path = self.bundle.folder / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != expected.bytes:
                return f"{name} is damaged"
        return ""


class Models:
    """The folder of installed bundles, and of downloads that are not complete yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def installed(self) -> tuple[list[Installed], list[str]]:
        """Return the installed bundles, and a line for each whose manifest cannot be read."""
        found, faults = [], []
        for manifest in sorted(self.folder.glob(f"[!.]*/*/{MANIFEST}")):
            try:
                found.append(Installed(read(manifest.parent)))
            except InvalidArgument as fault:
                faults.append(str(fault))
        return found, faults

    def named(self, names: Sequence[str]) -> list[Installed]:
        """Return the bundles called NAME or NAME@VERSION; all without names. Raises ModelsFailed."""
        found, faults = self.installed()
        chosen: list[Installed] = []
        for name in names:
            those = [each for each in found if name in (each.manifest.name, each.title)]
            if not those:
                unreadable = [fault for fault in faults if f"/{name.replace('@', '/')}" in fault]
                missing = f"There is no bundle {name} in {self.folder}."
                raise ModelsFailed(unreadable[0] if unreadable else missing)
            chosen += [each for each in those if each not in chosen]
        if not names and faults:
            raise ModelsFailed(faults[0])
        return chosen if names else found

    def whole(self, name: str, version: str) -> Installed | None:
        """Return the bundle of a version, unless it is missing or a file has the wrong size."""
        try:
            installed = Installed(read(self.place(name, version)))
        except InvalidArgument:
            return None
        return None if installed.fault else installed

    def place(self, name: str, version: str) -> Path:
        """Return the folder where a bundle belongs."""
        return self.folder / name / version

    def partial(self, title: str) -> Path:
        """Return the folder that gathers the files of an incomplete bundle, which the next try continues."""
        return self._made(self.folder / PARTIAL / title)

    def archive(self, name: str) -> Path:
        """Return the folder that keeps a package's archive while a bundle that needs it is incomplete."""
        return self._made(self.folder / PARTIAL / ARCHIVES / name)

    @contextmanager
    def locked(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Let one process at a time fetch into the folder; others wait. Raises ModelsFailed when it cannot be used."""
        lock = self._made(self.folder / PARTIAL) / "lock"
        while True:
            with self._opened(lock) as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    tell(f"Another process fetches models into {self.folder}: waiting for it.")
                    fcntl.flock(held, fcntl.LOCK_EX)
                if not lock.exists() or not os.path.samestat(os.fstat(held), lock.stat()):
                    self._made(lock.parent)  # who held it has removed it since
                    continue
                try:
                    self._remove_broken()
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                    self._prune()
                return

    def _remove_broken(self) -> None:
        """Delete the leftovers of a fetch that was killed; no other process may be fetching."""
        for broken in (*self.folder.glob(".building-*"), *(self.folder / PARTIAL / ARCHIVES).glob("*/.coming-*")):
            shutil.rmtree(broken, ignore_errors=True)

    @contextmanager
    def building(self) -> Iterator[Path]:
        """Yield a temporary folder to make a bundle in."""
        try:
            with tempfile.TemporaryDirectory(prefix=".building-", dir=self._made(self.folder)) as folder:
                yield Path(folder)
        except OSError as error:
            raise ModelsFailed(f"{error.filename or self.folder}: {error.strerror or error}.") from error

    def install(self, built: Path, manifest: Manifest) -> Bundle:
        """Move a finished bundle to its place atomically, replacing one that is there."""
        folder = built / "bundle"
        write(folder, manifest)
        place = self.place(manifest.name, manifest.version)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            place.rename(built / "replaced")
        return Bundle(folder.rename(place), manifest)

    def remove_partial(self, title: str) -> None:
        """Delete the files gathered for a bundle."""
        shutil.rmtree(self.folder / PARTIAL / title, ignore_errors=True)

    def remove_partials(self) -> None:
        """Delete everything in the folder that is no bundle."""
        for each in (self.folder / PARTIAL).glob("*"):
            if each.is_dir():
                shutil.rmtree(each, ignore_errors=True)

    def _prune(self) -> None:
        """Remove the folders of incomplete bundles that are empty."""
        for folder, _, _ in os.walk(self.folder / PARTIAL, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)

    @contextmanager
    def _opened(self, lock: Path) -> Iterator[int]:
        try:
            held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ModelsFailed(f"{self.folder} cannot be used for models: {error.strerror}.") from error
        try:
            yield held
        finally:
            os.close(held)

    def _made(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelsFailed(f"{folder} cannot be used for models: {error.strerror}.") from error
        return folder
