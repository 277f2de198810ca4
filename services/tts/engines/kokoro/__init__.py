"""Kokoro-82M on ONNX Runtime: voices of several languages in one network."""

from services.tts.engines.kokoro.engine import Engine

__all__ = ["Engine"]
