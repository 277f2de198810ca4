"""The glossaries a client may ask for: its own, those this gateway keeps, or both."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from google.protobuf import json_format

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.common.text import languages
from services.gateway.agreement.glossary import Dictionary
from services.gateway.agreement.glossary_rules import Bounds, Rules, require_count, spoken_in
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Catalog
from services.gateway.values.terms import Entry, Glossary

log = logging.getLogger(__name__)
_SUFFIX = ".json"
_MAX_BYTES = 4 * 1024 * 1024
_TEXTS_AT_ONCE = 64  # terms, translations and pronunciations, before other sessions have their turn
Read: TypeAlias = dict[Path, tuple[tuple[int, int], pb.Glossary]]  # with each file's time and size


class Unusable(Exception):
    """A kept glossary cannot be read; the message says why."""


class Glossaries:
    """Makes what a client asks for into a glossary that can be followed."""

    def __init__(self, settings: GatewaySettings, stages: Stages, folder: Folder | None = None) -> None:
        self._settings = settings
        self._folder = folder or Folder(settings.glossaries)
        self._stages = stages

    def of(self, tenant: str) -> Glossaries:
        """Glossaries as one tenant finds them: the kept ones are its own, and those that are everybody's."""
        return Glossaries(self._settings, self._stages, self._folder.of(tenant))

    async def names(self) -> list[str]:
        """The names of the glossaries that this gateway keeps."""
        return await asyncio.to_thread(self._folder.names)

    async def agreed(self, wanted: pb.Glossary, path: str, catalog: Catalog) -> Glossary:
        """The glossary that a message asks for at `path`, all of it, within `require_bounds`.

        Raises MeshError naming the field at fault.
        """
        kept = await self._kept(wanted.name, path, catalog) if wanted.name else Glossary()
        rules = await self._rules(wanted, catalog)
        agreed = Glossary(await _unhurried(rules.entries(wanted.terms, path))).over(kept)
        require_count(len(agreed.entries), self._settings.max_glossary_terms, path)
        if wanted.version not in ("", agreed.version):
            message = f"The glossary is not of version {quoted(wanted.version)}."
            raise InvalidArgument("GLOSSARY_VERSION", message, f"{path}.version", [agreed.version or "unset"])
        return agreed

    def require_bounds(self, wanted: pb.Glossary, path: str) -> None:
        """Raises InvalidArgument for a glossary that is larger than this server takes; looks at its size alone."""
        self._bounds(self._settings.max_glossary_bytes).require(wanted, path)

    def _bounds(self, max_bytes: int = 0) -> Bounds:
        return Bounds(self._settings.max_glossary_terms, self._settings.max_glossary_languages, max_bytes)

    async def swap(self, wanted: pb.Glossary, dictionary: Dictionary, catalog: Catalog) -> None:
        """Put a glossary in force. Raises MeshError for one that is refused; the one before stays."""
        self.require_bounds(wanted, "control.glossary")
        dictionary.swap(await self.agreed(wanted, "control.glossary", catalog))

    async def _kept(self, name: str, path: str, catalog: Catalog) -> Glossary:
        names = await self.names()
        if name not in names:
            message = f"This server keeps no glossary {quoted(name)}."
            raise InvalidArgument("UNKNOWN_GLOSSARY", message, f"{path}.name", names or ["unset"])
        try:
            read = await asyncio.to_thread(self._folder.read, name)
            self._bounds().require(read, name + _SUFFIX)
            rules = await self._rules(read, catalog)
            return Glossary(await _unhurried(rules.entries(read.terms, name + _SUFFIX)), name)
        except (Unusable, InvalidArgument) as error:  # what is wrong with it is for whoever keeps it, in the log
            log.warning("glossary unusable", extra={"fields": {"file": name + _SUFFIX, "reason": _reason(error)}})
            message = f"The server's glossary {quoted(name)} cannot be used. Its log has the reason."
            others = [other for other in names if other != name]
            raise InvalidArgument("GLOSSARY_UNUSABLE", message, f"{path}.name", others or ["unset"]) from None

    async def _rules(self, glossary: pb.Glossary, catalog: Catalog) -> Rules:
        """The rules for a glossary; the synthesizer is asked about the languages it has pronunciations for."""
        spoken = {voice.lang for voice in catalog.all_voices}
        symbols: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(spoken), ())
        for lang in {languages.resolve(lang, spoken) for lang in spoken_in(glossary)}:
            if lang is not None:
                symbols[lang] = await self._stages.symbols(lang)
        return Rules(
            max_length=self._settings.max_term_length,
            target_langs=sorted({target for _, target in catalog.pairs}),
            symbols=symbols,
        )


class Folder:
    """A folder of glossaries, each a JSON file of the contract's Glossary: NAME.json. A changed file is read anew.

    Files in it are everybody's. Those in a folder TENANT inside it are that tenant's alone, and win over others.
    """

    def __init__(self, path: Path | None, tenant: str = "", read: Read | None = None) -> None:
        self._path = path
        self._tenant = tenant
        self._read: Read = {} if read is None else read

    def of(self, tenant: str) -> Folder:
        """This folder as one tenant finds it. What was read is remembered once for all tenants."""
        return Folder(self._path, tenant, self._read)

    def names(self) -> list[str]:
        """The names of the glossaries that are in the folder now."""
        return sorted(self._files())

    def read(self, name: str) -> pb.Glossary:
        """Read one of `names` as it stands in its file. Raises Unusable when it cannot be read."""
        try:
            file = self._files()[name]
            told = file.stat()
            state = (told.st_mtime_ns, told.st_size)
            if file not in self._read or self._read[file][0] != state:
                self._read[file] = (state, parsed(file.read_text(encoding="utf-8-sig"), told.st_size))
        except (OSError, UnicodeDecodeError, KeyError) as error:
            raise Unusable(f"The file cannot be read: {type(error).__name__}.") from error
        return self._read[file][1]

    def _files(self) -> dict[str, Path]:
        """The file of each name. A tenant is looked for among the folders there are: its name is no path."""
        if self._path is None:
            return {}
        own = [each for each in self._path.iterdir() if self._tenant and each.name == self._tenant and each.is_dir()]
        return {file.stem: file for folder in (self._path, *own) for file in folder.glob(f"*{_SUFFIX}")}


def parsed(text: str, size_bytes: int) -> pb.Glossary:
    """Read a glossary's JSON. Raises Unusable."""
    if size_bytes > _MAX_BYTES:
        raise Unusable(f"The file has more than {_MAX_BYTES} bytes.")
    try:
        content = json.loads(text)
        if not isinstance(content, dict):  # the parser takes an empty list for an empty message
            raise Unusable("The file is no JSON object.")
        glossary = json_format.ParseDict(content, pb.Glossary())
    except (ValueError, TypeError, AttributeError, json_format.ParseError) as error:
        raise Unusable(" ".join(str(error).split())) from error
    if glossary.name or glossary.version:
        raise Unusable("name and version are not for a file to say.")
    return glossary


async def _unhurried(entries: Iterator[Entry]) -> tuple[Entry, ...]:
    """All entries. The work of reading them is long for one turn of the loop, so the others get theirs between."""
    read: list[Entry] = []
    texts = 0
    for entry in entries:
        read.append(entry)
        texts += 1 + len(entry.translations) + len(entry.pronunciations)
        if texts >= _TEXTS_AT_ONCE:
            texts = 0
            await asyncio.sleep(0)
    return tuple(read)


def _reason(error: Unusable | InvalidArgument) -> str:
    return f"{error.code} {error.field}" if isinstance(error, InvalidArgument) else str(error)
