"""The rule by which a text continues concluded text. Pure."""

from __future__ import annotations


def continues(text: str, concluded: str) -> bool:
    """Return whether a text starts with the concluded one, whose last word must not go on."""
    following = text[len(concluded) :][:1]
    return text.startswith(concluded) and not (concluded and (following.isalnum() or following in ("'", "-")))
