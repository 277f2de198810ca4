"""Hatch runs this when the distribution is built or installed: the stubs are made by `protos/compile.py`."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsHook(BuildHookInterface):  # type: ignore[type-arg]  # the hook needs no build configuration of its own
    """Makes `gen/` before files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build."""
        runpy.run_path(str(Path(self.root) / "protos" / "compile.py"))["compile_protos"]()
