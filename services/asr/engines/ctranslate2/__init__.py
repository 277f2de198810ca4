"""Whisper on CTranslate2: recognizes whole windows, made streaming. See docs/engines/asr-ctranslate2.md."""
