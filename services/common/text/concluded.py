"""What concluded text means, to all who conclude some."""

from __future__ import annotations

from collections.abc import Sequence


def continues(text: str, concluded: str) -> bool:
    """Whether a text starts with the concluded one, and with its last word whole."""
    following = text[len(concluded) :][:1]
    return text.startswith(concluded) and not (concluded and (following.isalnum() or following in ("'", "-")))


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the words that two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))
