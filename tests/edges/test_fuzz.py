"""The short form of the edge's fuzzer; the long one is `python -m tests.fuzz.edge --seconds 900`."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEED = 12
SECONDS = 20


@pytest.mark.edges
@pytest.mark.timeout(400)
def test_nothing_that_strangers_send_to_the_edge_is_a_defect_or_leaves_anything_behind() -> None:
    command = [sys.executable, "-m", "tests.fuzz.edge", "--seed", str(SEED), "--seconds", str(SECONDS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "nothing was found" in ended.stdout
