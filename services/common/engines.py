"""Finds the engine a setting names. Engines are imported when chosen, so their libraries are needed only then."""

from __future__ import annotations

import importlib
from typing import Any

from services.common.errors import InvalidArgument


def engine_class(stage: str, name: str) -> Any:
    """The class behind an engine setting: `embedded` in `services.asr.engines.embedded:Engine`, or `module:Class`.

    Raises InvalidArgument when there is no such engine, or a library it needs is missing.
    """
    module_name, _, class_name = name.partition(":")
    if not class_name:
        module_name, class_name = f"services.{stage}.engines.{name}", "Engine"
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        missing = f"Engine {name!r} cannot be loaded: {error}."
        raise InvalidArgument("UNKNOWN_ENGINE", missing, field=f"{stage.upper()}_ENGINE") from error
