"""Runs the speech synthesis stage: `python -m services.tts`."""

from __future__ import annotations

from services.common.server.lifecycle import run
from services.common.server.loops import loop_of
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings


def make() -> tuple[TtsServicer, TtsSettings]:
    """Build the synthesis stage's servicer from the environment's `TTS_*` settings, and return both."""
    settings = TtsSettings()
    return TtsServicer(settings), settings


if __name__ == "__main__":
    run("tts", make, lambda: loop_of("tts", TtsSettings()))
