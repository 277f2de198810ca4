"""NVIDIA Riva: one call of StreamingRecognize for each segment, on the stubs of nvidia-riva-client."""

from services.asr.engines.riva.engine import Engine

__all__ = ["Engine"]
