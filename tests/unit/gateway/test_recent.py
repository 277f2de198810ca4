"""The last minute of a gateway's segments."""

from __future__ import annotations

from services.gateway.ledger import Steps
from services.gateway.recent import Outcome, Recent, Spread, spread

EN_ES, EN_CA = ("en", "es"), ("en", "ca")


def test_lag_counts_from_the_last_sample_and_first_audio_from_the_first() -> None:
    recent = Recent()
    recent.took(EN_ES, Steps(3000, 3100, 3300, 3400, 3600, 5200), began_ms=1000)
    assert recent.outcomes() == [Outcome(EN_ES, 1, Spread(2200, 2200), Spread(2600, 2600))]


def test_what_nobody_waited_for_has_no_lag() -> None:
    recent = Recent()
    recent.took(EN_ES, Steps(3000, 100, 300, 400, 600, 700), began_ms=1000)  # a recording, sent at once
    recent.took(EN_CA, Steps(0, 100, 300, 400, 0, 700), began_ms=None)  # typed
    assert recent.outcomes() == [Outcome(EN_CA, 1, None, None), Outcome(EN_ES, 1, None, None)]


def test_after_a_minute_all_is_forgotten() -> None:
    now = 0.0
    recent = Recent(lambda: now)
    recent.sent(EN_ES, 500)
    recent.degraded()
    now = 59.0
    recent.sent(EN_ES, 1500)
    assert (recent.degradations, recent.outcomes()) == (1, [Outcome(EN_ES, 2, Spread(500, 1500), None)])
    now = 61.0
    assert (recent.degradations, recent.outcomes()) == (0, [Outcome(EN_ES, 1, Spread(1500, 1500), None)])


def test_a_spread_is_the_median_and_what_one_in_twenty_exceeds() -> None:
    assert spread(range(101)) == Spread(50, 95)
    assert spread([7]) == Spread(7, 7)
    assert spread([]) is None
