"""Hardens a process before it serves: no memory dumps, and no lines with addresses on stderr."""

from __future__ import annotations

import os
import resource

GRPC_VERBOSITY = "GRPC_VERBOSITY"


def harden() -> None:
    """Prevent this process and its children from writing core files, and gRPC's core from writing to stderr.

    A core file would hold the sessions' audio and text. The core of gRPC logs its peers' addresses, past Python's
    logging; what goes wrong there ends calls, which is logged. With GRPC_VERBOSITY set, its log lines are kept.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault(GRPC_VERBOSITY, "NONE")
