"""The processor time that this process may have."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/cpu.max")


def processors() -> float:
    """Return how many processors this process may use: those it may run on, or fewer where its time is limited."""
    limit = math.inf
    with suppress(OSError, ValueError):
        quota, period = _V2.read_text().split()
        limit = int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((_V1 / f"cpu.cfs_{each}_us").read_text() for each in ("quota", "period"))
        limit = min(limit, int(quota) / int(period)) if int(quota) > 0 else limit
    return min(limit, len(os.sched_getaffinity(0)))
