"""When a caller that was refused is to ask again. Pure, but for chance."""

from __future__ import annotations

import random

RETRY_MS = 500  # until a slot may be free, on the average


def jittered(milliseconds: int) -> int:
    """Half to one and a half times as much, at random: those refused together are not to come back together."""
    return round(milliseconds * random.uniform(0.5, 1.5))
