"""Runs the networks of voices on ONNX Runtime, with typed errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from onnxruntime.capi import onnxruntime_pybind11_state as faults

from services.common.errors import StageFailed

Floats: TypeAlias = NDArray[np.float32]

_FAULTS = (faults.Fail, faults.RuntimeException, faults.EPFail, faults.InvalidArgument, faults.NotImplemented)


def run(session: InferenceSession, names: Sequence[str] | None, fed: Mapping[str, Any]) -> Sequence[Floats]:
    """Compute outputs of a session, all of them when `names` is None. Raises StageFailed."""
    try:
        return cast("Sequence[Floats]", session.run(names, fed))
    except _FAULTS as error:
        message = f"The voice's network failed: {type(error).__name__}."
        raise StageFailed("TTS_ENGINE_FAILED", message, retry_after_ms=500, stage="TTS") from error
