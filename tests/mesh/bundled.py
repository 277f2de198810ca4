"""A translator on model bundles whose models are word lists: what every engine on bundles has, and no computation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.errors import StageFailed
from services.common.neural import bundles
from services.common.neural.bundles import Bundle, FileSum, Manifest, file_sum
from services.common.neural.settings import Served
from services.mt.engine import Pair, Source, Translation

ENGINE = "tests.mesh.bundled:Engine"
BUNDLES = "TINY_BUNDLES"  # the variable that names the bundles
WORDS = "words.json"


class Settings(BaseSettings):
    """Its own: an engine from elsewhere has no part in the stage's."""

    model_config = SettingsConfigDict(env_prefix="TINY_")

    bundles: list[Served]


class Engine:
    """Translates word by word. The word "fail" breaks it."""

    name = "tiny"
    version = "1"
    device = "cpu"
    patience_seconds = 1.0
    continues_prefix = False
    shaped = False

    def __init__(self, settings: Any) -> None:
        self._served = Settings().bundles
        self._versions: Versions[Pair, Mapping[str, str]] = Versions()
        self.load = Load("mt")

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(self._versions)

    @property
    def versions(self) -> Iterator[tuple[Version[Any], float]]:
        return self._versions.reported()

    async def start(self) -> None:
        for served in self._served:
            bundle = bundles.opened(served.path, "mt", "tiny", ["words"])
            words = _words(bundle)
            named = bundle.manifest
            for pair, serves in zip(named.pairs, named.serves, strict=True):
                self._versions.add(Pair(*pair), Version(named.name, named.version, serves, served.weight, words))

    async def stop(self) -> None:
        return

    async def translate(self, source: Source) -> Translation:
        version = self._versions.pick(source.pair, source.affinity)
        if source.text == "fail":
            version.failed()
            raise StageFailed("MT_ENGINE_FAILED", "It was told to.", stage="MT")
        text = " ".join(version.model.get(word, word) for word in source.text.split())
        version.answered(length_ratio=len(text) / len(source.text))
        return Translation(text)


def _words(bundle: Bundle) -> Mapping[str, str]:
    try:
        return dict(json.loads(bundle.file(WORDS).read_text()))
    except ValueError as error:
        raise bundles.fault(bundle.folder, f"{WORDS} is no list of words ({error}).") from error


def manifest(files: Mapping[str, FileSum], **fields: Any) -> Manifest:
    """A manifest of its bundles, but for what is given."""
    told = {
        "name": "words-en-es",
        "version": "1",
        "stage": "mt",
        "engine": "tiny",
        "layout": "words",
        "pairs": [("en", "es")],
        "licence": "Apache-2.0",
        "source": "written here",
    }
    return Manifest(**{**told, **fields, "files": dict(files)})


def bundle(folder: Path, words: Mapping[str, str], **fields: Any) -> Bundle:
    """A bundle with these words."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WORDS).write_text(json.dumps(words))
    return bundles.write(folder, manifest({WORDS: file_sum(folder / WORDS)}, **fields))
