"""Cleans texts of characters that no translator can read. Pure."""

from __future__ import annotations

from services.common.text.plain_text import plain_text
from services.common.text.terminology import composed


def cleaned(text: str) -> str:
    """Return the text in composed form (NFC), with spaces for control characters and without noncharacters."""
    return composed(plain_text(text))
