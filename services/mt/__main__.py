"""Runs the translation stage: `python -m services.mt`."""

from __future__ import annotations

from services.common.server.lifecycle import run
from services.common.server.loops import loop_of
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings


def make() -> tuple[MtServicer, MtSettings]:
    """Build the translation stage's servicer from the environment's `MT_*` settings, and return both."""
    settings = MtSettings()
    return MtServicer(settings), settings


if __name__ == "__main__":
    run("mt", make, lambda: loop_of("mt", MtSettings()))
