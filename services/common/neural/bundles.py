"""Model bundles: a folder with a model's files, and `bundle.json`, which says what they are.

Everything in it is checked when an engine opens it, so that a wrong file is told at the start and by its name, and not
by a session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

import langcodes
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.common.errors import InvalidArgument

MANIFEST = "bundle.json"
_BLOCK_BYTES = 1 << 20


def _tag(value: str) -> str:
    if not langcodes.tag_is_valid(value):
        raise ValueError(f"{value!r} is no BCP-47 tag of a language")
    return value


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{value!r} is no path within the bundle")
    return value


Tag = Annotated[str, AfterValidator(_tag)]
FileName = Annotated[str, AfterValidator(_inside)]


class FileSum(BaseModel):
    """Checksum and size of one file of a bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """The content of `bundle.json`: what a bundle is, what it serves, and its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
    stage: Literal["asr", "mt", "tts"]
    engine: str = Field(min_length=1)  # that reads it
    layout: str = Field(min_length=1)  # which files there are and what is in them, of those the engine knows
    languages: tuple[Tag, ...] = ()  # of a recognizer or a voice
    pairs: tuple[tuple[Tag, Tag], ...] = ()  # of a translator: source and target
    tags: dict[Tag, str] = {}  # what the model itself calls a language, where that is no BCP-47
    sample_rate_hertz: int = Field(0, ge=0)  # 0: it takes and makes no audio
    licence: str = Field(min_length=1)  # SPDX identifier
    source: str = Field(min_length=1)  # where it came from
    origin: str = ""  # the address of those who made it, where it came from somebody else
    files: dict[FileName, FileSum] = Field(min_length=1)

    @property
    def serves(self) -> tuple[str, ...]:
        """The languages that the bundle serves, or its pairs as "en>es"."""
        return (*self.languages, *(f"{source}>{target}" for source, target in self.pairs))

    @property
    def bytes(self) -> int:
        """Size of the bundle's files in bytes."""
        return sum(file.bytes for file in self.files.values())

    @model_validator(mode="after")
    def _says_what_it_serves(self) -> Self:
        if bool(self.pairs) is not (self.stage == "mt") or bool(self.languages) is (self.stage == "mt"):
            raise ValueError("a translator names pairs, a recognizer or a voice languages, and none of them both")
        if len(set(self.serves)) < len(self.serves):
            raise ValueError("a language or pair is named twice")
        if needless := sorted(self.tags.keys() - {*self.languages, *chain.from_iterable(self.pairs)}):
            raise ValueError(f"there is a tag for {', '.join(needless)}, which it does not serve")
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model bundle on disk: its folder and manifest."""

    folder: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """Return the path of one of the bundle's files. Raises InvalidArgument when the bundle lacks it."""
        if name not in self.manifest.files:
            raise fault(self.folder, f"It has no {name}, which the layout {self.manifest.layout!r} asks for.")
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether a file is part of the bundle."""
        return name in self.manifest.files


def fault(folder: Path, message: str) -> InvalidArgument:
    """Return the InvalidArgument error for an unusable bundle."""
    return InvalidArgument("BUNDLE_UNUSABLE", message, field=f"bundle {folder}")


def opened(folder: Path, stage: str, engine: str, layouts: Collection[str]) -> Bundle:
    """Open and verify the bundle in a folder. Raises InvalidArgument for another engine's, or a wrong file."""
    bundle = read(folder)
    manifest = bundle.manifest
    if (manifest.stage, manifest.engine) != (stage, engine):
        other = (
            f"It is for the engine {manifest.engine!r} of {manifest.stage.upper()}, not {engine!r} of {stage.upper()}."
        )
        raise fault(folder, other)
    if manifest.layout not in layouts:
        raise fault(folder, f"The layout {manifest.layout!r} is unknown; known are {', '.join(sorted(layouts))}.")
    verify(bundle)
    return bundle


def read(folder: Path) -> Bundle:
    """Read the bundle in a folder, its files unchecked. Raises InvalidArgument when it is missing or unreadable."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise fault(folder, f"There is no bundle: {MANIFEST} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        wrong = f"{MANIFEST} is wrong at {where}" if where else f"{MANIFEST} is wrong"
        raise fault(folder, f"{wrong}: {first['msg'].removeprefix('Value error, ')}.") from error
    return Bundle(folder, manifest)


def verify(bundle: Bundle) -> None:
    """Check every file's size and checksum. Raises InvalidArgument naming the first that is wrong."""
    folder = bundle.folder.resolve()
    for name, expected in bundle.manifest.files.items():
        path = folder / name
        try:
            if not path.resolve().is_relative_to(folder):
                raise fault(bundle.folder, f"{name} is a link to a file outside the bundle.")
            found = file_sum(path)
        except OSError as error:
            raise fault(bundle.folder, f"{name} cannot be read ({error.strerror}).") from error
        if found.bytes != expected.bytes:
            raise fault(bundle.folder, f"{name} has {found.bytes} bytes, not {expected.bytes}. Fetch it again.")
        if found.sha256 != expected.sha256:
            raise fault(bundle.folder, f"{name} is not the file it was: its sha256 is another. Fetch it again.")


def write(folder: Path, manifest: Manifest) -> Bundle:
    """Write the manifest that makes a bundle of a folder with the files. Raises OSError."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return Bundle(folder, manifest)


def file_sum(path: Path) -> FileSum:
    """Return a file's size and SHA-256 checksum. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return FileSum(sha256=digest.hexdigest(), bytes=size)
