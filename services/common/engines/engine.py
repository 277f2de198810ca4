"""What the engines of all stages have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from services.common.engines.load import Load
from services.common.engines.versions import Version


class Engine(Protocol):
    """An engine of any stage: its name, its load, and what it computes with."""

    name: str
    load: Load

    @property
    def version(self) -> str:
        """Version of its models or programs, known once it has started."""

    @property
    def device(self) -> str:
        """What it computes on, known once it has started."""

    @property
    def versions(self) -> Iterable[tuple[Version[Any], float]]:
        """The versions of its models, each with its share of the sessions; may be empty."""
