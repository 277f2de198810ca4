"""What a service's process leaves behind, and writes past our logs."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import os, subprocess, sys
from resource import RLIMIT_CORE, getrlimit
from services.common.server import run
from services.common.errors import InvalidArgument

def make():
    look = [sys.executable, "-c", "from resource import *; print(getrlimit(RLIMIT_CORE))"]
    child = subprocess.run(look, capture_output=True, text=True, check=True).stdout.strip()
    raise InvalidArgument("SEEN", f"{getrlimit(RLIMIT_CORE)} {child} {os.environ.get('GRPC_VERBOSITY')}")

run("any", make)
"""


def test_a_service_and_its_programs_leave_no_core_file_and_grpc_is_silent() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "any cannot start: (0, 0) (0, 0) NONE"
