"""Exhausts this process's memory for rehearsals, without exhausting the machine's."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import math
import resource
from pathlib import Path

MIB = 1 << 20
LARGEST_BYTES = 16 * MIB
SMALLEST_BYTES = 4096
SPARED_SHARE = 0.5  # of what is available: other programs need memory, too
PAUSE_SECONDS = 0.01  # between pieces, in which the loop works on


class MemoryHog:
    """Allocates memory piece by piece, and keeps it. At the limit the process fails as it would without a rehearsal."""

    def __init__(self) -> None:
        self._taken: list[bytearray] = []

    def take(self, mib: int) -> None:
        """Allocate so many mebibytes, 0 for all; less when half of the machine's available memory is taken.

        That limit is one of this process's address space: what asks for more, here or elsewhere in it, is refused.
        """
        _limit(int(available_bytes() * (1 - SPARED_SHARE)))
        self._next(mib * MIB or math.inf, LARGEST_BYTES)

    def _next(self, left_bytes: float, piece_bytes: int) -> None:
        """Allocate one more piece; smaller ones where there is no room, until nothing is left that matters."""
        piece_bytes = int(min(piece_bytes, left_bytes))
        if piece_bytes < SMALLEST_BYTES:
            return
        try:
            self._taken.append(bytearray(b"\1") * piece_bytes)  # written to, or it would not be there
            left_bytes -= piece_bytes
        except MemoryError:
            piece_bytes //= 2
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._next, left_bytes, piece_bytes)


def trim() -> None:
    """Return freed memory to the machine, where the C library can: loading a model takes several times its size."""
    gc.collect()
    if release := getattr(ctypes.CDLL(None), "malloc_trim", None):
        release(0)


def available_bytes() -> int:
    """Return the bytes that programs can still allocate, in the machine or in this process's control group."""
    machine = _kilobytes(Path("/proc/meminfo"), "MemAvailable:")
    group = Path("/sys/fs/cgroup")
    try:
        most, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:  # another kind of control group, or none
        return machine
    return machine if most == "max" else min(machine, max(0, int(most) - int(used)))


def _limit(more_bytes: int) -> None:
    """Limit the address space to what is in use and so many bytes more."""
    limit = _kilobytes(Path("/proc/self/status"), "VmSize:") + more_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _kilobytes(path: Path, name: str) -> int:
    """Return the value of a line of a file in /proc, in bytes."""
    line = next(line for line in path.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
