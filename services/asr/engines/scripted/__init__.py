"""An engine that hears how much was said, and makes up what: for tests, load, and the simulation of a GPU's batches."""

from services.asr.engines.scripted.engine import Engine

__all__ = ["Engine"]
