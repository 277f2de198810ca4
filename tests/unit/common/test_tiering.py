from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.asr.settings import AsrSettings
from services.common.engines.load import Load
from services.common.engines.tiering import Tiering
from services.common.engines.tiers import Tier
from services.common.errors import InvalidArgument
from tests.measured import measured


@dataclass
class Named:
    """An engine, as far as tiers know one."""

    name: str
    load: Load = field(default_factory=lambda: Load("asr"))


def _tiering(*timed: Tier, **told: Any) -> Tiering:
    settings = AsrSettings.model_validate({"tiers": "small,large", "tier_cores": 2.0, **told})
    tiering = Tiering("asr", settings, [Named("large"), Named("small"), Named("other")], clock=lambda: 1.0)
    tiering.start({"en": list(timed) or [Tier("small", 0.1, 0.1), Tier("large", 0.5, 0.3)]})
    tiering.stop()
    return tiering


def test_languages_that_one_engine_alone_has_have_no_tiers() -> None:
    tiering = _tiering()
    assert (tiering.has("en"), tiering.has("es")) == (True, False)
    assert tiering.largest("en") == "large"


def test_without_tiers_nothing_is_observed_or_counted() -> None:
    with measured() as watched:
        tiering = Tiering("asr", AsrSettings(), [Named("small"), Named("large")])
        tiering.start({"en": [Tier("small"), Tier("large")]})
        assert not tiering.has("en")
        assert not {series for series in watched.series() if series[0].startswith("tier.")}
        tiering.stop()


def test_a_session_gets_a_tier_by_its_name_and_is_counted() -> None:
    tiering = _tiering()
    given = tiering.pick("en", "a", 1000)
    assert (given.tier, given.larger, given.objective_seconds) == ("large", 0, 1.0)
    assert tiering.in_use() == [("small", 0), ("large", 1)]
    tiering.left("en", "a")
    assert tiering.in_use() == [("small", 0), ("large", 0)]


def test_a_call_without_an_objective_has_that_of_the_stage() -> None:
    assert _tiering(objective_ms=200).pick("en", "a", 0).tier == "small"


def test_an_utterance_keeps_the_tier_it_began_with() -> None:
    assert _tiering().pick("en", "a", 1000, kept="small") == _tiering().pick("en", "a", 1000, kept="small")
    assert _tiering().pick("en", "a", 1000, kept="small").larger == 1
    assert _tiering().pick("en", "a", 1000, kept="imaginary").tier == "large"


def test_the_tier_that_is_set_is_everybodys_and_counts() -> None:
    tiering = _tiering(tier="small")
    assert tiering.pick("en", "a", 60_000, kept="large") == tiering.pick("en", "a", 60_000)
    assert tiering.pick("en", "a", 60_000).larger == 0
    assert tiering.in_use() == [("small", 1), ("large", 0)]


def test_a_tier_that_one_speaker_alone_fills_all_cores_with_is_left_out() -> None:
    tiering = _tiering(Tier("small", 0.1, 0.1), Tier("large", float("inf"), float("inf")))
    assert tiering.largest("en") == "small"
    assert tiering.pick("en", "a", 60_000).larger == 0


def test_a_limit_on_processor_time_counts_as_the_cores_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.common.engines.tiering.processors", lambda: 0.4)
    assert _tiering(tier_cores=None).largest("en") == "small"
    assert _tiering(Tier("small", 0.1), Tier("large", 0.35), tier_cores=None).pick("en", "a", 1000).tier == "small"


def test_a_tier_that_much_waits_for_is_passed_over() -> None:
    busy = Named("large")
    busy.load.waited(3.0)
    settings = AsrSettings.model_validate({"tiers": "small,large"})
    tiering = Tiering("asr", settings, [busy, Named("small")])
    tiering.start({"en": [Tier("small"), Tier("large")]})
    assert tiering.pick("en", "a", 1000).tier == "small"
    tiering.stop()


@pytest.mark.parametrize(
    ("told", "field"),
    [({"tiers": "small,imaginary"}, "ASR_TIERS"), ({"tiers": "small,small"}, "ASR_TIERS"), ({"tier": "x"}, "ASR_TIER")],
)
def test_what_is_no_tier_is_refused_by_the_name_of_its_setting(told: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        _tiering(**told)
    assert refused.value.field == field
    assert refused.value.accepted
