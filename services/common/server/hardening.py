"""What a service takes from its process before it serves: dumps of its memory, and lines with addresses on stderr."""

from __future__ import annotations

import os
import resource

GRPC_VERBOSITY = "GRPC_VERBOSITY"


def harden() -> None:
    """Have this process, and those it starts, leave no core file, and gRPC's core write nothing of its own to stderr.

    A core file holds what was said. The core of gRPC names its peers' addresses in what it logs, past Python's logging;
    what goes wrong there ends calls, which is logged. Whoever sets GRPC_VERBOSITY wants its lines, and gets them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault(GRPC_VERBOSITY, "NONE")
