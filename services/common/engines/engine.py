"""The protocol that engines of all stages implement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from services.common.engines.load import Load
from services.common.engines.versions import Version


class Engine(Protocol):
    """An engine of any stage: its name, load, and device."""

    name: str
    load: Load

    @property
    def version(self) -> str:
        """Version of the engine's models or programs, known after `start`."""

    @property
    def device(self) -> str:
        """Name of the device that the engine computes on, known after `start`."""

    @property
    def versions(self) -> Iterable[tuple[Version[Any], float]]:
        """The versions of the engine's models, each with its share of the sessions; may be empty."""
