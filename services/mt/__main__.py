"""Runs the translation stage: `python -m services.mt`."""

from __future__ import annotations

from services.common.server.lifecycle import run
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings


def make() -> tuple[MtServicer, MtSettings]:
    """The stage as the environment describes it."""
    settings = MtSettings()
    return MtServicer(settings), settings


if __name__ == "__main__":
    run("mt", make)
