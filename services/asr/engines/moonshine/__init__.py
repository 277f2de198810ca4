"""Moonshine on ONNX Runtime: windows of speech, recognized again as they grow. See docs/engines/asr-moonshine.md."""

from services.asr.engines.moonshine.engine import Engine

__all__ = ["Engine"]
