"""An interim result that says nothing new is not sent."""

from __future__ import annotations

from services.gateway.outgoing.outbox import News


def test_a_text_is_told_once_and_again_when_it_or_its_concluded_part_changes() -> None:
    news = News()
    said = [("", 0), ("one", 0), ("one", 0), ("one", 3), ("one", 3), ("one two", 3), ("", 0), ("", 0)]
    told = [news.tells("segment", *each) for each in said]
    assert told == [False, True, False, True, False, True, True, False]


def test_each_segment_and_language_has_its_own_and_is_forgotten_with_its_final() -> None:
    news = News()
    assert news.tells(("es", 1), "uno", 0)
    assert news.tells(("fr", 1), "uno", 0)
    news.ended(("es", 1))
    assert news.tells(("es", 1), "uno", 0)
    assert not news.tells(("fr", 1), "uno", 0)
