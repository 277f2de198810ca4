"""The last minute of a gateway's segments."""

from __future__ import annotations

from services.gateway.account.measures import PairOutcome, Recent, Spread, spread

EN_ES = ("en", "es")


def test_after_a_minute_all_is_forgotten() -> None:
    now = 0.0
    recent = Recent(lambda: now)
    recent.sent(EN_ES, 500)
    recent.degraded()
    now = 59.0
    recent.sent(EN_ES, 1500)
    assert (recent.degradations, recent.outcomes()) == (1, [PairOutcome(EN_ES, 2, Spread(500, 1500), None)])
    now = 61.0
    assert (recent.degradations, recent.outcomes()) == (0, [PairOutcome(EN_ES, 1, Spread(1500, 1500), None)])


def test_a_spread_is_the_median_and_what_one_in_twenty_exceeds() -> None:
    assert spread(range(101)) == Spread(50, 95)
    assert spread([7]) == Spread(7, 7)
    assert spread([]) is None
