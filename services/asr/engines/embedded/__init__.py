"""pocketsphinx on the CPU, with the English model of its wheel: one child program per session."""

from services.asr.engines.embedded.engine import Engine

__all__ = ["Engine"]
