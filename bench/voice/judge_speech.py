"""How natural speech sounds, by DNSMOS P.808: run by `bench.voice.voice_windows` where speechmos is installed.

    PYTHON bench/voice/judge_speech.py FILE.npz...

Each file holds clips of 16 kHz mono samples from -1 to 1. The answer is one line of JSON: the mean score of each file.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from speechmos import dnsmos  # type: ignore[import-not-found]  # in an environment of its own


def mean_score(path: str) -> float:
    """The mean P.808 score of a file's clips, 1 to 5."""
    with np.load(path) as clips:
        return float(np.mean([dnsmos.run(clips[name], 16_000)["p808_mos"] for name in clips.files]))


if __name__ == "__main__":
    sys.stdout.write(json.dumps([mean_score(path) for path in sys.argv[1:]]) + "\n")
