"""Reserves a log folder for one mesh while it runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from babelmesh.client.errors import MeshFailed

MOST_MESHES = 20  # side by side, of one folder's name


@contextmanager
def log_folder(wanted: Path) -> Iterator[Path]:
    """Yield the wanted folder, or one beside it (logs-2, logs-3, ...) while another mesh writes its logs there.

    Raises MeshFailed when it cannot be made, or written.
    """
    for number in range(1, MOST_MESHES + 1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        place = _opened(folder)
        try:
            if _taken(place):
                yield folder
                return
        finally:
            os.close(place)  # which lets go of it
    raise MeshFailed(f"{MOST_MESHES} meshes write their logs to {wanted} and beside it. Name another with --logs.")


def _opened(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise MeshFailed(f"{folder} cannot be used for logs: {error.strerror}.") from None


def _taken(place: int) -> bool:
    """Return whether an opened folder could be locked; the lock ends with this process."""
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
