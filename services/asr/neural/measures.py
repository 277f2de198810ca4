"""What is measured of the finals of neural recognizers."""

from __future__ import annotations

from services.asr.engine import Hypothesis
from services.common.audio.pcm import ASR_RATE


def measures(final: Hypothesis, waited_seconds: float, heard_samples: int) -> dict[str, float]:
    """Return a final's mean word confidence, and its real-time factor: seconds waited per second of audio.

    `heard_samples` is the segment's audio at 16 kHz. A final without words has a confidence of 0.
    """
    confidence = sum(word.confidence for word in final.words) / max(1, len(final.words))
    return {"confidence": confidence, "rtf": waited_seconds * ASR_RATE / max(1, heard_samples)}
