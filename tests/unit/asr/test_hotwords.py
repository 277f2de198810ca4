from __future__ import annotations

import pytest

from services.asr.engines.onnx.hotwords import Hotwords

PIECES = ("▁new", "▁york", "▁yo", "rk", "▁", "n", "ew", "shire", ",", "▁a")


def score(hotwords: Hotwords, *pieces: str, ends: bool = False) -> float:
    node, total = hotwords.root, 0.0
    for piece in pieces:
        gains, reached = hotwords.after(node)
        place = PIECES.index(piece)
        total, node = total + float(gains[place]), reached[place]
    return total + (hotwords.at_end(node) if ends else 0.0)


@pytest.fixture
def york() -> Hotwords:
    return Hotwords(["York", "new york"], PIECES, 1.0)


def test_a_phrase_counts_by_its_characters_however_it_is_cut_into_pieces(york: Hotwords) -> None:
    whole = score(york, "▁york", ends=True)
    assert whole == score(york, "▁yo", "rk", ends=True) == score(york, "▁", "▁yo", "rk", ends=True) > 0


def test_of_two_phrases_the_longer_counts(york: Hotwords) -> None:
    both = score(york, "▁new", "▁york", ends=True)
    assert both == score(york, "▁", "n", "ew", "▁yo", "rk", ends=True)
    assert both > score(york, "▁york", ends=True)


def test_what_was_begun_is_taken_back_when_the_phrase_does_not_go_on(york: Hotwords) -> None:
    assert score(york, "▁new") > 0
    assert score(york, "▁new", "▁a") == score(york, "▁new", ends=True) == 0


def test_a_phrase_within_a_longer_word_does_not_count(york: Hotwords) -> None:
    assert score(york, "▁york", "shire", ends=True) == 0
    assert score(york, "▁yo", "rk", "shire", "▁a") == 0


def test_a_phrase_counts_once_it_is_whole_whatever_follows(york: Hotwords) -> None:
    whole = score(york, "▁york", ends=True)
    assert score(york, "▁york", "▁a", "▁a") == whole
    assert score(york, "▁york", ",", "▁york", ends=True) == 2 * whole


def test_a_phrase_inside_one_that_was_begun_counts() -> None:
    hotwords = Hotwords(["a new york a", "york"], PIECES, 1.0)
    assert score(hotwords, "▁a", "▁new", "▁york", "▁new", ends=True) == score(hotwords, "▁york", ends=True)


def test_phrases_of_nothing_but_marks_do_no_harm() -> None:
    hotwords = Hotwords([", ", "new"], PIECES, 2.0)
    assert score(hotwords, ",", "▁a", ends=True) == 0
    assert score(hotwords, "▁new", ends=True) > 0


def test_blank_adds_nothing_and_leads_nowhere(york: Hotwords) -> None:
    gains, reached = york.after(york.root)
    assert (float(gains[-1]), reached[-1]) == (0.0, york.root)
