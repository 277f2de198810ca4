"""What concluded text means, to all who conclude some."""

from __future__ import annotations


def continues(text: str, concluded: str) -> bool:
    """Whether a text starts with the concluded one, and with its last word whole."""
    following = text[len(concluded) :][:1]
    return text.startswith(concluded) and not (concluded and (following.isalnum() or following in ("'", "-")))
