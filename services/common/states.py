"""Whether calls may be placed on a replica, as it tells those who call it. Pure."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """Whether calls may be placed on a replica. The numbers are those of `mesh.stage.v1.State`."""

    UNKNOWN = 0  # to who watches it: nothing was told, or nothing that is known here
    STARTING = 1
    SERVING = 2
    DRAINING = 3
    STUCK = 4
