"""Whisper on CTranslate2: recognizes whole windows, made streaming. See docs/engines/asr-ctranslate2.md."""

from services.asr.engines.ctranslate2.engine import Engine

__all__ = ["Engine"]
