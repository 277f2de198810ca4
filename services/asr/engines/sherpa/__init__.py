"""sherpa-onnx with the models of its zoo: streaming ones, and ones that hear whole segments, made streaming."""

from services.asr.engines.sherpa.engine import Engine

__all__ = ["Engine"]
