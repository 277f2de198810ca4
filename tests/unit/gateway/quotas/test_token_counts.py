from __future__ import annotations

from services.gateway.quotas.token_counts import Kind, TokenCounts
from services.gateway.quotas.usage import Used, count
from tests.measured import measured


def test_a_count_with_an_answer_that_told_none_is_not_told() -> None:
    counts = TokenCounts()
    counts.translated(7, 9)
    counts.translated(3, None)
    counts.add(Kind.RECOGNIZED, 0)
    assert counts.whole() == {"recognized": 0, "source": 10, "symbols": 0}


def test_what_was_added_since_is_counted_once() -> None:
    ledger, before = TokenCounts(), TokenCounts()
    ledger.translated(7, None)
    before.join(ledger.since(before))
    ledger.translated(2, None)
    more = ledger.since(before)
    assert (more.known, more.untold) == ({Kind.SOURCE: 2}, {Kind.TARGET: 1})


def test_metrics_tell_of_a_class_what_is_known_and_how_much_is_not() -> None:
    used = Used(spoken_characters=5)
    used.tokens.translated(7, None)
    with measured() as seen:
        count("gold", used)
        tokens, untold = seen.values("usage.tokens"), seen.values("usage.untold")
        spoken = seen.values("usage.spoken_characters")
    assert tokens == {("gold", "source"): 7}
    assert untold == {("gold", "target"): 1}
    assert spoken == {("gold",): 5}
