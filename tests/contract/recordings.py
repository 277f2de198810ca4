"""Recorded speech, from Debian's asterisk-core-sounds-en-g722."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from services.common.audio.pcm import Pcm

SOUNDS = Path("/usr/share/asterisk/sounds")


def recording(name: str) -> Pcm:
    """The samples of a recording, 16 kHz; skips the test where the package is not installed."""
    for path in sorted(SOUNDS.glob(f"en*/{name}.g722")):
        with av.open(str(path), format="g722") as container:
            return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    pytest.skip("asterisk-core-sounds-en-g722 is not installed")
