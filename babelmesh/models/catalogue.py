"""The models that can be fetched by name: `catalogue.json` beside this file, and what its fields mean."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from babelmesh.errors import ModelsFailed
from services.common.bundles import FileName, FileSum, Manifest, Tag

CATALOGUE = Path(__file__).with_name("catalogue.json")
_SHORT = 12  # hexadecimal digits of a commit that tell it from any other


class Remote(BaseModel):
    """A file as the hub has it, and how it must be where that is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: FileName
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    bytes: int | None = Field(None, ge=0)

    def differs(self, found: FileSum) -> bool:
        """Whether a file that was fetched is another than the one pinned."""
        pinned = {"sha256": self.sha256, "bytes": self.bytes}
        return any(value is not None and value != getattr(found, name) for name, value in pinned.items())


class Entry(BaseModel):
    """A model that can be fetched: what its manifest will say, and where its files are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    stage: Literal["asr", "mt", "tts"]
    engine: str
    layout: str
    languages: tuple[Tag, ...] = ()
    pairs: tuple[tuple[Tag, Tag], ...] = ()
    tags: dict[Tag, str] = {}
    sample_rate_hertz: int = 0
    licence: str
    repository: str  # on the hub
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None  # None: the newest, which is noted when fetched
    seen: str  # where revision and sums are from: nobody could compare them with the hub when they were written down
    files: dict[FileName, Remote]  # by their names in the bundle

    @property
    def serves(self) -> tuple[str, ...]:
        """As Manifest.serves."""
        return (*self.languages, *(f"{source}>{target}" for source, target in self.pairs))

    @property
    def pinned(self) -> str:
        """How well it is known beforehand what will be fetched."""
        if self.revision is None:
            return "newest"
        return "sums" if any(file.sha256 for file in self.files.values()) else "commit"

    def manifest(self, commit: str, files: Mapping[str, FileSum]) -> Manifest:
        """That of the bundle made of its files at a commit."""
        return Manifest(
            name=self.name,
            version=commit[:_SHORT],
            stage=self.stage,
            engine=self.engine,
            layout=self.layout,
            languages=self.languages,
            pairs=self.pairs,
            tags=self.tags,
            sample_rate_hertz=self.sample_rate_hertz,
            licence=self.licence,
            source=f"{self.repository}@{commit}",
            files=dict(files),
        )


def catalogue() -> Mapping[str, Entry]:
    """The models by name."""
    entries = TypeAdapter(list[Entry]).validate_json(CATALOGUE.read_bytes())
    return {entry.name: entry for entry in entries}


def entry_named(name: str) -> Entry:
    """A model of the catalogue. Raises ModelsFailed naming those that are like it."""
    entries = catalogue()
    if name in entries:
        return entries[name]
    like = difflib.get_close_matches(name, entries, n=3, cutoff=0.4)
    hint = f" Is it {' or '.join(like)}?" if like else ""
    raise ModelsFailed(f"The catalogue has no model {name}.{hint} `babelmesh models list` shows all of them.")
