"""Hardens a process before it serves: no memory dumps, and no lines with addresses on stderr."""

from __future__ import annotations

import os
import resource

GRPC_VERBOSITY = "GRPC_VERBOSITY"


def harden() -> None:
    """Prevent this process and its children from writing core files, and gRPC's core from writing to stderr.

    A core file holds what was said. The core of gRPC names its peers' addresses in what it logs, past Python's logging;
    what goes wrong there ends calls, which is logged. Whoever sets GRPC_VERBOSITY wants its lines, and gets them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault(GRPC_VERBOSITY, "NONE")
