"""NVIDIA Riva: TranslateText, on the stubs of nvidia-riva-client. Calls are batched on the server."""

from services.mt.engines.riva.engine import Engine

__all__ = ["Engine"]
