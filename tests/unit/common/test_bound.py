from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from services.common.neural.bound import Bound
from services.common.neural.devices import Device, session
from tests.unit.common.tiny_model import model

CPU = Device("cpu", "cpu")


def ones(length: int) -> NDArray[Any]:
    return np.ones(length, np.float32)


def bound(outputs: Sequence[str] = ("next", "total")) -> Bound:
    made = Bound(session(model(), CPU), CPU)
    made.out(*outputs)
    return made


def test_a_state_goes_from_run_to_run_and_only_what_is_put_and_fetched_crosses() -> None:
    steps = bound()
    steps.put("given", ones(100))
    steps.put("state", ones(100))
    steps.run()
    for _ in range(3):
        steps.keep("state", steps.value("next"))
        steps.run()
    assert steps.fetch("total") == 500
    assert (steps.bytes_in, steps.bytes_out) == (800, 4)


def test_a_later_run_leaves_the_outputs_of_an_earlier_one_alone() -> None:
    runs = bound()
    runs.put("given", ones(3))
    runs.put("state", ones(3))
    runs.run()
    first = runs.value("next")
    runs.put("given", 5 * ones(3))
    runs.run()
    assert first.numpy().tolist() == [2, 2, 2]
    assert runs.fetch("next").tolist() == [6, 6, 6]


def test_lengths_may_change_from_run_to_run() -> None:
    runs = bound()
    for length in (3, 5, 2):
        runs.put("given", ones(length))
        runs.put("state", ones(length))
        runs.run()
        assert runs.fetch("next").shape == (length,)


def test_an_output_can_have_its_own_place() -> None:
    runs = bound(("total",))
    place = onnxruntime.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "cpu", 0)
    runs.into("next", place)
    runs.put("given", ones(2))
    runs.put("state", ones(2))
    runs.run()
    assert place.numpy().tolist() == [2, 2]
    assert runs.bytes_out == 0


def test_what_is_not_on_the_device_is_put_there_and_not_kept() -> None:
    gpu = Bound(session(model(), CPU), Device("cuda", "cuda"))
    with pytest.raises(ValueError, match="put it there"):
        gpu.keep("state", onnxruntime.OrtValue.ortvalue_from_numpy(ones(1)))
