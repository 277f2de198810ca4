"""NVIDIA Riva: SynthesizeOnline, on the stubs of nvidia-riva-client."""

from services.tts.engines.riva.engine import Engine

__all__ = ["Engine"]
