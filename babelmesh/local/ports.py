"""Ports of this machine for services that are started later, each by its number."""

from __future__ import annotations

import errno
import secrets
import socket
from collections import deque
from contextlib import ExitStack

# Below those that a system gives to whoever asks for any port, or connects: Linux from 32768 on, others from 49152. One
# of those may be given to another program before the service that it was found for has started.
PICKED = range(15_000, 32_000)
_given: deque[int] = deque(maxlen=100)  # the newest, whose services may not have started yet


def unused(host: str, count: int) -> list[int]:
    """Return numbers of TCP ports that nobody listens on at `host` now, each another one than the last hundred.

    Raises OSError where `host` cannot be listened on.
    """
    ports: list[int] = []
    with ExitStack() as taken:
        while len(ports) < count:
            port = secrets.choice(PICKED)
            if port in _given:
                continue
            try:
                taken.enter_context(socket.create_server((host, port)))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                ports.append(port)
    _given.extend(ports)
    return ports
