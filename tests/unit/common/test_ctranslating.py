"""Which device CTranslate2 is given: a GPU only where the libraries of CUDA that it computes with are there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import pytest

from services.common.errors import InvalidArgument
from services.common.neural import ctranslating
from services.common.neural.ctranslating import chosen
from services.common.neural.settings import Ctranslate2Settings

FIELD = "ASR_CTRANSLATE2__DEVICE"


@pytest.fixture
def _driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU and its driver."""
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda kind: {"int8", "float16"})


@pytest.fixture
def _wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """cuBLAS as NVIDIA's wheel installs it; some other library stands in for it."""
    (some,) = Path(ctranslate2.__file__).parent.with_name("ctranslate2.libs").glob("libgomp*")
    place = tmp_path / "nvidia" / "cublas" / "lib" / ctranslating._cublas()
    place.parent.mkdir(parents=True)
    shutil.copyfile(some, place)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    yield
    sys.modules.pop("nvidia", None)


@pytest.mark.usefixtures("_driver")
def test_auto_is_the_cpu_where_cublas_is_missing() -> None:
    """As on a laptop with a GPU and its driver: the models would load, and every session fail."""
    assert (chosen(Ctranslate2Settings(), FIELD).kind, chosen(Ctranslate2Settings(), FIELD).name) == ("cpu", "cpu")


@pytest.mark.usefixtures("_driver")
def test_a_gpu_that_was_asked_for_is_refused_where_cublas_is_missing() -> None:
    with pytest.raises(InvalidArgument, match=r"libcublas\.so\.\d+, which is not installed") as refused:
        chosen(Ctranslate2Settings(device="cuda"), FIELD)
    assert (refused.value.code, refused.value.field) == ("DEVICE_MISSING", FIELD)


@pytest.mark.usefixtures("_driver", "_wheel")
def test_cublas_is_found_in_the_wheel_of_nvidia() -> None:
    found = chosen(Ctranslate2Settings(), FIELD)
    assert (found.kind, found.compute_type) == ("cuda", "float16")


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert chosen(Ctranslate2Settings(), FIELD).kind == "cpu"
