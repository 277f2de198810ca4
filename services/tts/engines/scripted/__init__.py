"""An engine that sings a tone as long as the text: for tests, load, and the simulation of a slow device."""

from services.tts.engines.scripted.engine import Engine

__all__ = ["Engine"]
