from __future__ import annotations

import pytest

from services.common.engines.selection import engine_class
from services.common.errors import InvalidArgument, MeshError


def test_an_engine_of_ones_own_is_named_by_its_class() -> None:
    assert engine_class("asr", "services.common.errors:MeshError") is MeshError


@pytest.mark.parametrize("name", ["imaginary", "services.common.errors:Imaginary", "imaginary.module:Engine"])
def test_an_engine_that_is_not_there_is_refused_by_the_name_of_its_setting(name: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        engine_class("asr", name)
    assert refused.value.field == "ASR_ENGINE"
    assert name in refused.value.message
