"""The rule by which a text continues concluded text. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def continues(text: str, concluded: str) -> bool:
    """Return whether a text starts with the concluded one, whose last word must not go on."""
    following = text[len(concluded) :][:1]
    return text.startswith(concluded) and not (concluded and (following.isalnum() or following in ("'", "-")))


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the words that two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))
