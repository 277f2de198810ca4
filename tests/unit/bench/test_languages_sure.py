"""What confidences decide of utterances whose looks are all known."""

from __future__ import annotations

from bench.recognition.languages_sure import Look, Utterance, spoken, table

UNSURE = Utterance("es", 1.2, [Look(1.8, "en-US", 0.8, 1.0), Look(2.1, "es", 0.57, 1.0)])
SURELY_WRONG = Utterance("es", 6.0, [Look(1.8, "en-US", 0.94, 1.0), Look(2.9, "es", 0.99, 1.0)])
FOREIGN = Utterance("es", 0.9, [Look(1.7, "en-US", 0.98, 0.6)])


def test_the_first_look_that_is_sure_decides_and_else_the_last() -> None:
    assert SURELY_WRONG.decided(sure=0.9, least=0.6, default="en") == ("en", 0)
    assert SURELY_WRONG.decided(sure=0.95, least=0.6, default="en") == ("es", 1)


def test_below_the_least_confidence_the_default_language_is_kept() -> None:
    assert UNSURE.decided(sure=0.97, least=0.6, default="en") == ("en", 1)
    assert UNSURE.decided(sure=0.97, least=0.55, default="en") == ("es", 1)


def test_wrong_ones_are_counted_by_their_length() -> None:
    rows = table([UNSURE, SURELY_WRONG], "en").as_json()
    assert [(row["long wrong"], row["short wrong"]) for row in rows if row["kept below"] == 0.6][:2] == [(1, 1), (0, 1)]
    assert [row["short wrong"] for row in rows if row["sure from"] == 0.97 and row["kept below"] == 0.55] == [0]


def test_what_sounds_like_another_language_is_spoken_below_its_share_alone() -> None:
    rows = {row["spoken from"]: row for row in spoken([UNSURE, FOREIGN, SURELY_WRONG], "en").as_json()}
    assert [rows[least]["spoken wrong"] for least in (0.0, 0.5, 0.7)] == [1, 1, 0]
    assert [rows[least]["short"] for least in (0.5, 0.6)] == [0, 1]
