"""How many connections may wait to be accepted.

gRPC listens with the system's largest backlog and, once awake, accepts all that has queued up: two thousand new
connections at once held the calls of everybody for a second. It offers no option for that, so the backlog of the
socket that it has opened is set again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/proc/self/fd")


def limit_backlog(port: int, backlog: int) -> int:
    """Let at most `backlog` connections wait at a port that this process listens on.

    The first packets of the others are lost. Their systems send them again, after one second and then ever later, so a
    burst comes in more slowly and nobody is refused. Return the count of listening sockets that were set: 0 on systems
    without /proc.
    """
    count = 0
    for listening in _listening(port):
        listening.listen(backlog)  # on a socket that listens already, it sets the backlog alone
        count += 1
    return count


def _listening(port: int) -> Iterator[socket.socket]:
    """Yield this process's listening sockets of a port, as duplicates that are closed after use."""
    names = [entry.name for entry in OPEN_FILES.iterdir()] if OPEN_FILES.is_dir() else []
    for name in names:
        with suppress(OSError):  # not a socket, or closed since
            duplicate = os.dup(int(name))
            try:
                found = socket.socket(fileno=duplicate)
            except OSError:
                os.close(duplicate)
                raise
            with found:
                if _listens(found, port):
                    yield found


def _listens(opened: socket.socket, port: int) -> bool:
    if opened.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    return bool(opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) and opened.getsockname()[1] == port
