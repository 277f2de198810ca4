"""The images there are, as the Dockerfiles, the lists of requirements/images/ and the lock describe them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PART = ROOT / "requirements" / "part.py"
SERVICES = ("gateway", "asr", "mt", "tts", "edge")
ENVIRONMENT = {  # of the images, whatever runs this; markers of pinned lists are read by it
    "python_version": "3.11",
    "python_full_version": "3.11.14",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
    "extra": "",
}

_STAGE = re.compile(r"^FROM (?P<base>\S+)(?: AS (?P<name>\S+))?$")
_PACKAGES = re.compile(r"requirements/images/(\S+)\.txt /packages\.txt")
_INSTALLED = re.compile(r"apt-get install --yes --no-install-recommends (?P<names>[^\\&]+)")


@dataclass(frozen=True, slots=True)
class Image:
    """One image: a service, and the stage of its Dockerfile that makes it what it is."""

    service: str
    engine: str  # empty: the gateway's and the edge's
    base: str  # name:tag@digest
    debian: tuple[str, ...]
    packages: Path  # the list of names it is installed from

    @property
    def tag(self) -> str:
        """As `make images` tags it."""
        return "-".join(filter(None, (version(), self.engine)))


def version() -> str:
    """The project's."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def images(service: str) -> Iterator[Image]:
    """The images a service's Dockerfile makes, one for each engine."""
    stages = _stages((ROOT / "services" / service / "Dockerfile").read_text())
    base = stages["python"][0]
    for name, (_, text) in stages.items():
        lists = _PACKAGES.findall(text)
        if lists:
            debian = tuple(package for each in _chain(name, stages) for package in _debian(each))
            engine = "" if service in ("gateway", "edge") else name
            yield Image(service, engine, base, debian, ROOT / "requirements" / "images" / f"{lists[0]}.txt")


def _stages(dockerfile: str) -> dict[str, tuple[str, str]]:
    """Stages by name: what each is made from, and its text."""
    stages: dict[str, tuple[str, str]] = {}
    for part in re.split(r"^(?=FROM )", dockerfile, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        found = _STAGE.fullmatch(head)
        assert found, head
        stages[found["name"] or "image"] = (found["base"], rest.replace("\\\n", " "))
    return stages


def _chain(name: str, stages: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    while name in stages:
        name, text = stages[name]
        yield text


def _debian(text: str) -> list[str]:
    return [name for found in _INSTALLED.finditer(text) for name in found["names"].split()]


def pinned(packages: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """The packages of a list that an image gets, each with its sha256 sums: one is that of the file it gets."""
    text = subprocess.run([sys.executable, PART, packages], capture_output=True, text=True, check=True).stdout
    for line in text.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            written, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
            requirement = Requirement(written)
            if requirement.marker is None or requirement.marker.evaluate(ENVIRONMENT):
                yield requirement, hashes
