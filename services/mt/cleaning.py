"""Texts without what no translator is to be given."""

from __future__ import annotations

from services.common.text.plain_text import plain_text
from services.common.text.terminology import composed


def cleaned(text: str) -> str:
    """The text in composed form, with spaces for control characters and without noncharacters."""
    return composed(plain_text(text))
