"""Hatch runs this when the services' distribution is built: what they consist of lies beside this folder."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = {
    "services": "services",
    "gen/externalscaler": "externalscaler",
    "gen/mesh": "mesh",
    "gen/realtime": "realtime",
    "gen/rooms": "rooms",
}


class ServicesHook(BuildHookInterface):  # type: ignore[type-arg]  # the hook needs no build configuration of its own
    """Names the services' files, and makes the stubs of their contracts for a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build."""
        here = Path(self.root)
        tree = here if (here / "protos").is_dir() else here.parent  # a source distribution has all of it in one folder
        if self.target_name == "sdist":
            included = {name: name for name in ("protos", "services")}
        else:
            runpy.run_path(str(tree / "protos" / "compile.py"))["compile_protos"]()
            included = SHIPPED
        build_data["force_include"].update({str(tree / source): place for source, place in included.items()})
