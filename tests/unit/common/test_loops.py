"""Which event loop a stage runs on."""

import gc

import pytest
import uvloop

from services.common.errors import InvalidArgument
from services.common.server.loops import loop_of, spare_collector
from services.mt.settings import MtSettings


def is_fast(settings: MtSettings) -> bool:
    loop = loop_of("mt", settings)
    try:
        return isinstance(loop, uvloop.Loop)
    finally:
        loop.close()


def test_a_stage_whose_engines_start_no_programs_runs_on_uvloop() -> None:
    assert is_fast(MtSettings(engine="scripted"))
    assert is_fast(MtSettings(engine="small", variants={"small": {"engine": "scripted"}}))


def test_a_stage_one_of_whose_engines_starts_programs_stays_with_asyncio() -> None:
    assert not is_fast(MtSettings(engine="scripted+embedded"))


def test_an_engine_that_says_nothing_may_start_programs() -> None:
    assert not is_fast(MtSettings(engine=f"{__name__}:Silent"))


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="Engine 'nobody' cannot be loaded"):
        loop_of("mt", MtSettings(engine="nobody"))


def test_what_was_loaded_is_not_collected_again() -> None:
    before = gc.get_threshold()
    try:
        spare_collector()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() > before
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


class Silent:
    """An engine of one's own."""
