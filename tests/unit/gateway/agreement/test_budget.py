"""A latency budget is spent in shares, each within what it is good for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.agreement.budget import BALANCED, BUDGETS_MS, FAST, LEAST_SILENCE_MS, spent

BUDGETS = st.sampled_from(BUDGETS_MS)


def test_a_small_budget_concludes_early_and_a_large_one_late() -> None:
    held = [spent(budget, 500).stabilization for budget in (500, 1499, 1500, 2999, 3000, 10_000)]
    assert held == [1, 1, 2, 2, 3, 3]


@given(BUDGETS, BUDGETS)
def test_no_share_shrinks_while_the_budget_grows(one: int, other: int) -> None:
    less, more = spent(min(one, other), 500), spent(max(one, other), 500)
    assert less.stabilization <= more.stabilization
    assert less.trailing_silence_ms <= more.trailing_silence_ms
    assert less.interim_timeout_ms <= more.interim_timeout_ms
    assert less.batch_wait_ms <= more.batch_wait_ms
    assert less.max_lag_ms <= more.max_lag_ms
    assert less.ease_ms <= more.ease_ms


@given(BUDGETS)
def test_the_silence_is_never_longer_than_without_a_budget_nor_too_short_for_words(budget: int) -> None:
    assert LEAST_SILENCE_MS <= spent(budget, 500).trailing_silence_ms <= 500


def test_the_shares_of_a_second() -> None:
    shares = spent(1000, 500)
    assert (shares.stabilization, shares.trailing_silence_ms, shares.interim_timeout_ms) == (FAST, 250, 500)
    assert spent(2000, 500).stabilization == BALANCED
