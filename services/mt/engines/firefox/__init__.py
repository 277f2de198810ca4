"""An engine on Firefox Translations' models, computed by ONNX Runtime."""

from services.mt.engines.firefox.engine import Engine

__all__ = ["Engine"]
