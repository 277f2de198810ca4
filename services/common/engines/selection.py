"""Finds the engines a setting names. Engines are imported when chosen, so their libraries are needed only then.

A stage may run several engines at once: `moonshine+ctranslate2` serves each language by the first engine that has it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from services.common.engines.engine import Engine as AnyEngine
from services.common.engines.load import Load
from services.common.engines.tiering import Tiering
from services.common.engines.variants import varied
from services.common.engines.versions import Version
from services.common.errors import InvalidArgument


class Startable(AnyEngine, Protocol):
    """An engine of any stage that can be started and stopped.

    One that starts no child programs may say so with `starts_programs = False`: its stage then has the faster loop.
    """

    patience_seconds: float

    async def start(self) -> None:
        """Load the engine's models. Raises InvalidArgument for one that cannot be used."""

    async def stop(self) -> None:
        """Release what `start` loaded."""


E = TypeVar("E", bound=Startable)


class Several(Generic[E]):
    """The engines of one stage, the preferred one first, seen from outside as one engine."""

    def __init__(self, stage: str, names: str, settings: Any) -> None:
        """Make the engines named in `names`, joined by "+". Raises InvalidArgument when one of them is unknown."""
        self.engines: Sequence[E] = [_made(stage, name, settings) for name in names.split("+")]
        self.name = "+".join(engine.name for engine in self.engines)
        self.load = Load(stage)
        for engine in self.engines:
            self.load.adopt(engine.load)
        self.tiering = Tiering(stage, settings, self.engines)
        self.patience_seconds = max(engine.patience_seconds for engine in self.engines)
        self._life = AsyncExitStack()  # of the engines that have started

    @property
    def version(self) -> str:
        """The versions of all engines, joined by semicolons."""
        return "; ".join(engine.version for engine in self.engines if engine.version)

    @property
    def device(self) -> str:
        """The devices that the engines compute on, each named once."""
        return ", ".join(dict.fromkeys(engine.device for engine in self.engines))

    @property
    def versions(self) -> Iterable[tuple[Version[Any], float]]:
        """The versions of all engines' models, each with its share of the sessions that its engine serves."""
        return chain.from_iterable(engine.versions for engine in self.engines)

    async def start(self) -> None:
        """Start the engines in their order. When one fails, those that have started are stopped."""
        async with AsyncExitStack() as started:
            for engine in self.engines:
                started.push_async_callback(engine.stop)
                await engine.start()
            self._life = started.pop_all()

    async def stop(self) -> None:
        """Stop the engines in reverse order."""
        self.tiering.stop()
        await self._life.aclose()


def _made(stage: str, name: str, settings: Any) -> Any:
    """Make the engine of a name, or of a variant's."""
    variant = settings.variants.get(name)
    if variant is None:
        return engine_class(stage, name)(settings)
    of, options = varied(stage, name, variant, settings)
    engine = engine_class(stage, of)(options)
    engine.name = name
    return engine


def engine_class(stage: str, name: str) -> Any:
    """Return the class of an engine's name: `embedded` in `services.asr.engines.embedded.engine`, or `module:Class`.

    Raises InvalidArgument when there is no such engine, or a library it needs is missing.
    """
    module_name, _, class_name = name.partition(":")
    if not class_name:
        module_name, class_name = f"services.{stage}.engines.{name}.engine", "Engine"
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        missing = f"Engine {name!r} cannot be loaded: {error}."
        raise InvalidArgument("UNKNOWN_ENGINE", missing, field=f"{stage.upper()}_ENGINE") from error
