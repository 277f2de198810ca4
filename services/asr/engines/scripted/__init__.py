"""A scripted engine, which makes up words from the amount of loud audio: for tests, load, and simulated GPU batches."""

from services.asr.engines.scripted.engine import Engine

__all__ = ["Engine"]
