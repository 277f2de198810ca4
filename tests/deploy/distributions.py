"""The two distributions, built from a copy of the checkout, and environments into which they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

BUILT_FROM = ("LICENSE", "README.md", "babelmesh", "hatch_build.py", "protos", "pyproject.toml", "server", "services")
LEFT = shutil.ignore_patterns("__pycache__", "_stubs")
PROBE = "tenacity"  # a small package that the client asks for


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment without anything of the checkout."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, or its interpreter for a command that is an option or a file of Python."""
        name = str(command[0])
        program = name[:1] != "-" and not name.endswith(".py")
        words = [self.folder / "bin" / name, *command[1:]] if program else [self.python, *command]
        return subprocess.run(
            words, cwd=cwd or self.folder, env=variables(), capture_output=True, text=True, check=False
        )

    def install(self, *packages: str | Path) -> None:
        """Install with pip, from the index that it is configured for. Fails the test where that fails."""
        ended = self.run("-m", "pip", "install", "--quiet", *packages)
        assert not ended.returncode, ended.stderr


def variables() -> dict[str, str]:
    """The variables of a process outside the checkout."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}


def environment(folder: Path) -> Environment:
    """A new environment. Skips the test where pip reaches no index."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    made = Environment(folder)
    probed = made.run("-m", "pip", "install", "--quiet", "--dry-run", PROBE)
    if probed.returncode:
        pytest.skip("pip reaches no index to install from")
    return made


def build(folder: Path) -> Path:
    """Build both distributions, each as sources and as a wheel, and return where they are."""
    copy, out = folder / "copy", folder / "dist"
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=LEFT)
        else:
            copy.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    for place in (copy, copy / "server"):
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "sdist",
            "--target",
            "wheel",
            "--directory",
            str(out),
        ]
        subprocess.run(command, cwd=place, env=variables(), check=True, capture_output=True)
    return out


def wheel_of_sources(sources: Path, folder: Path) -> Path:
    """Build a wheel of a source distribution, with the packages of this environment."""
    with tarfile.open(sources) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    subprocess.run(command, cwd=unpacked, env=variables(), check=True, capture_output=True)
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def files_of(wheel: Path) -> Sequence[str]:
    """The names of the files in a wheel, sorted."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())
