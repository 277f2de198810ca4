"""Allowances that refill."""

from __future__ import annotations

import pytest

from services.common.rates import Allowance, Rate


def test_a_burst_is_let_through_and_then_one_at_a_time() -> None:
    allowance = Allowance(Rate(per_second=10, burst=3), now=0.0)
    for _ in range(3):
        assert allowance.wait(0.0) == 0
        allowance.spend(0.0)
    assert allowance.wait(0.0) == pytest.approx(0.1)
    assert allowance.wait(0.1) == 0


def test_a_long_pause_is_worth_no_more_than_a_burst() -> None:
    allowance = Allowance(Rate(per_second=10, burst=3), now=0.0)
    for _ in range(3):
        allowance.spend(1000.0)
    assert allowance.wait(1000.0) > 0
