"""Marian, M2M100 and NLLB models on CTranslate2. See docs/engines/mt-ctranslate2.md."""
