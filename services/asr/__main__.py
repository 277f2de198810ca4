"""Runs the recognition stage: `python -m services.asr`."""

from __future__ import annotations

from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import run
from services.common.server.loops import loop_of


def make() -> tuple[AsrServicer, AsrSettings]:
    """Build the recognition stage's servicer from the environment's `ASR_*` settings, and return both."""
    settings = AsrSettings()
    return AsrServicer(settings), settings


if __name__ == "__main__":
    run("asr", make, lambda: loop_of("asr", AsrSettings()))
