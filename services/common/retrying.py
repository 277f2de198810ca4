"""Randomized delays for callers that are to retry. Pure, but for chance."""

from __future__ import annotations

import random

RETRY_MS = 500  # until a slot may be free, on the average


def jittered(milliseconds: int) -> int:
    """Return a random delay of half to one and a half times as long, so that callers refused together do not retry
    together.
    """
    return round(milliseconds * random.uniform(0.5, 1.5))
