"""Which of a stage's recognizers is which."""

from __future__ import annotations

from typing import Any

import pytest

from services.asr.engines.scripted import engine as scripted
from services.asr.serving import Engines
from services.asr.settings import AsrSettings


class Narrow(scripted.Engine):
    """A recognizer that hears callers badly, and takes terms."""

    name = "narrow"
    wideband = True

    def __init__(self, settings: AsrSettings) -> None:
        super().__init__(settings)
        self.biased = True


def engines(**told: Any) -> Engines:
    return Engines(AsrSettings.model_validate({"engine": f"scripted+{__name__}:Narrow", **told}))


@pytest.mark.parametrize(
    ("tiers", "leanest"), [("", "scripted"), ("scripted,narrow", "scripted"), ("narrow,scripted", "narrow")]
)
def test_many_sessions_get_the_smallest_tier_or_the_preferred_engine(tiers: str, leanest: str) -> None:
    assert engines(tiers=tiers).leanest.name == leanest


@pytest.mark.parametrize(("tiers", "told"), [("", False), ("narrow,scripted", True), ("scripted,narrow", True)])
def test_any_tier_that_hears_callers_badly_or_takes_terms_counts(tiers: str, told: bool) -> None:
    made = engines(tiers=tiers)
    assert made.wideband_languages == (made.languages if told else ())
    assert made.takes_terms("en-US") is told
