"""Which way a pair takes."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidArgument
from services.mt.engine import Pair
from services.mt.ways import Preferred, Way, chosen, steps_of, table

FIREFOX = ("firefox", steps_of("en>pt") + steps_of("pt>en"))
RULES = ("embedded", tuple(steps_of(each)[0] for each in ("en>es", "es>en", "es>en-US", "pt>es", "es>pt", "pt>gl")))
ROW = Preferred(steps_of("en>es"), steps_of("en>pt>es"), ("firefox", "embedded"), frozenset({"embedded"}))


def _written(ways: dict[Pair, Way]) -> dict[str, str]:
    return {f"{pair.source}>{pair.target}": way.written for pair, way in ways.items()}


def test_a_chain_is_taken_where_it_measured_better() -> None:
    way = chosen([FIREFOX, RULES], [ROW], {})[Pair("en", "es")]
    assert way.written == "en>pt>es"
    assert [step.engine for step in way.steps] == ["firefox", "embedded"]


def test_a_direct_pair_of_an_engine_that_was_not_measured_stays() -> None:
    own = ("onnx", steps_of("en>es"))
    assert chosen([own, FIREFOX, RULES], [ROW], {})[Pair("en", "es")].direct


def test_a_chain_is_taken_only_with_the_engines_it_was_measured_with() -> None:
    other = ("onnx", steps_of("en>pt"))
    assert chosen([other, FIREFOX, RULES], [ROW], {})[Pair("en", "es")].direct


def test_a_chain_that_lacks_a_step_is_left_out() -> None:
    assert chosen([RULES], [ROW], {})[Pair("en", "es")].direct
    assert Pair("en", "es") not in chosen([FIREFOX], [ROW], {})


def test_the_first_row_that_can_be_gone_is_taken() -> None:
    longer = Preferred(steps_of("en>es"), steps_of("en>pt>gl>es"), ("firefox", "embedded", "embedded"), ROW.over)
    assert chosen([FIREFOX, RULES], [longer, ROW], {})[Pair("en", "es")].written == "en>pt>es"


def test_the_settings_go_before_the_table() -> None:
    ways = _written(chosen([FIREFOX, RULES], [ROW], {"en>es": "en>es", "en>gl": "en>pt>gl", "es>en-GB": "es>pt>en"}))
    assert ways["en>es"] == "en>es"
    assert ways["en>gl"] == "en>pt>gl"
    assert ways["es>en-GB"] == "es>pt>en"


@pytest.mark.parametrize("way", ["en>fr>es", "pt>es", "en>pt", "en", "", "en>pt>es>pt>es>pt>es"])
def test_a_way_that_leads_nowhere_is_refused(way: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        chosen([FIREFOX, RULES], [ROW], {"en>es": way})
    assert refused.value.field == "MT_WAYS"


def test_the_default_set_goes_the_ways_of_the_table() -> None:
    ways = _written(chosen([FIREFOX, RULES], table(), {}))
    assert ways["en>es"] == "en>pt>es"
    assert ways["es>en"] == ways["es>en-US"] == "es>pt>en"
    assert ways["en>gl"] == "en>pt>gl"
    assert ways["en>pt"] == "en>pt"


def test_each_row_of_the_table_is_a_way_of_its_pairs() -> None:
    for row in table():
        assert len(row.way) == len(row.engines) > 1
        for pair in row.pairs:
            assert pair.source == row.way[0].source
            assert pair.target.split("-")[0] == row.way[-1].target
            for first, second in zip(row.way, row.way[1:], strict=False):
                assert first.target == second.source
