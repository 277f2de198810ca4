"""How often a client may ask for what costs work."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.common.rates import Allowance, Rate


def test_some_are_allowed_at_once_and_then_some_a_second() -> None:
    allowance = Allowance(Rate(2.0, 3), 0.0)
    assert [allowance.ask(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert allowance.ask(0.25) == 0.25
    assert allowance.refused == 2
    assert allowance.ask(0.5) == 0.0
    assert allowance.refused == 0


@given(st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_were_saved_up(pauses: list[float]) -> None:
    allowance, now, allowed = Allowance(Rate(1.0, 5), 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        allowed += allowance.ask(now) == 0.0
    assert allowed <= 5 + now + 1e-6
