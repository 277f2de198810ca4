"""The default engines and their bundles, which `make setup` fetches and a mesh runs on unless configured otherwise.

One table says it all. To run on other models by default, change it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.catalogue import Entry, catalogue, download_bytes
from babelmesh.models.fetching import Fetcher, check_sources, fetching
from babelmesh.models.folder import Models
from babelmesh.models.progress import Show, shown, size

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Default:
    """A bundle of the default set, the engine that serves it, and what is lost without it."""

    stage: str
    engine: str
    bundle: str
    without: str  # what goes on without it
    english: bool = True  # whether it belongs to the set that suffices for speech in English
    libraries: Sequence[str] = ("onnxruntime",)  # modules that the engine imports

    @property
    def missing(self) -> str:
        """The library that the engine lacks in this installation; empty when it lacks none."""
        if importlib.util.find_spec(f"services.{self.stage}.engines.{self.engine}") is None:
            return f"there is no engine {self.engine} in this version"
        gone = [library for library in self.libraries if importlib.util.find_spec(library) is None]
        return f"the engine {self.engine} needs the Python package {gone[0]}" if gone else ""


# A stage prefers its engines in this order.
DEFAULTS = (
    Default("asr", "moonshine", "moonshine-tiny-en", "Whisper, or else pocketsphinx, recognizes English"),
    Default("asr", "ctranslate2", "whisper-base", "English alone is recognized", False, ("ctranslate2",)),
    Default("mt", "firefox", "firefox-en-pt", "Apertium alone translates from English"),
    Default("mt", "firefox", "firefox-pt-en", "Apertium alone translates into English"),
    Default("tts", "kokoro", "kokoro-82m", "espeak-ng speaks Spanish, Portuguese, French and Italian", False),
    Default("tts", "onnx", "piper-en-us-joe", "English is spoken by another voice"),
)


class Wanted(StrEnum):
    """The choice of default bundles to install."""

    DEFAULT = "default"
    ENGLISH = "english"
    NONE = "none"

    @property
    def bundles(self) -> Sequence[Default]:
        """The bundles of the set, those that English needs first."""
        english = [each for each in DEFAULTS if each.english]
        others = [each for each in DEFAULTS if not each.english]
        return {Wanted.DEFAULT: (*english, *others), Wanted.ENGLISH: english, Wanted.NONE: ()}[self]


def set_up(models: Models, wanted: Wanted, tell: Tell, show: Show = shown) -> None:
    """Fetch the default bundles that are not installed. What is unavailable is reported through `tell`, and is no
    failure.
    """
    entries = catalogue()
    missing = [each for each in wanted.bundles if not _is_installed(models, entries[each.bundle])]
    fetched = [each for each in missing if _can_be_had(entries[each.bundle], each, tell)]
    if not fetched:
        return
    download = size(download_bytes([entries[each.bundle] for each in fetched]))
    tell(f"Fetching the default models, {download}, once, into {models.folder}.")
    if wanted is Wanted.DEFAULT and len(missing) == len(DEFAULTS):
        english = size(download_bytes([entries[each.bundle] for each in Wanted.ENGLISH.bundles]))
        tell(f"BABELMESH_BUNDLES=english fetches what English takes ({english}), BABELMESH_BUNDLES=none nothing.")
    try:
        with fetching(models, [entries[each.bundle] for each in fetched], tell, show) as fetcher:
            for each in fetched:
                _fetch(fetcher, entries[each.bundle], each.without, tell)
    except ModelsFailed as failure:
        tell(f"{failure} The mesh runs on the small engines.")


def _can_be_had(entry: Entry, default: Default, tell: Tell) -> bool:
    """Return whether a bundle's sources can be asked; where they cannot, report why."""
    try:
        check_sources(entry.files.values(), {})
    except ModelsFailed as failure:
        tell(f"{entry.name} cannot be fetched: {failure}. Without it {default.without}.")
        return False
    return True


def _fetch(fetcher: Fetcher, entry: Entry, without: str, tell: Tell) -> None:
    try:
        fetcher.fetch(entry)
    except ModelsFailed as failure:
        tell(f"{failure} Without it {without}.")
    else:
        tell(introduced(entry))


def introduced(entry: Entry) -> str:
    """Return a line that introduces a bundle: its size, licence, maker and registries."""
    return f"{entry.name} ({entry.licence}), made by {entry.origin}, from {' and '.join(entry.registries)}"


def _is_installed(models: Models, entry: Entry) -> bool:
    return models.whole(entry.name, entry.version) is not None
