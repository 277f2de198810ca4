"""Marian, M2M100 and NLLB models on CTranslate2. See docs/engines/mt-ctranslate2.md."""

from services.mt.engines.ctranslate2.engine import Engine

__all__ = ["Engine"]
