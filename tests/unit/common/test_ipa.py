"""How a pronunciation is read."""

from __future__ import annotations

import pytest

from services.common.text.ipa import UnknownSymbol, complaint, symbols_of

KNOWN = ("a", "t", "\u0283", "t\u0283", "\u0261", "i\u02d0")


@pytest.mark.parametrize(
    ("written", "symbols"),
    [
        ("\u02c8t\u0283a", ["\u02c8", "t\u0283", "a"]),
        ("t\u0361\u0283a", ["t\u0283", "a"]),
        ("/'ga.ta/", ["\u02c8", "\u0261", "a", "t", "a"]),
        ("ti:  ta", ["t", "i\u02d0", " ", "t", "a"]),
    ],
)
def test_the_longest_symbol_counts_and_signs_without_sound_are_dropped(written: str, symbols: list[str]) -> None:
    assert symbols_of(written, KNOWN) == symbols


def test_the_first_unknown_symbol_is_named() -> None:
    with pytest.raises(UnknownSymbol) as unknown:
        symbols_of("ta\u0298a", KNOWN)
    assert unknown.value.symbol == "\u0298"


@pytest.mark.parametrize("silent", ["", "\u02c8", "/ /"])
def test_a_pronunciation_has_a_sound(silent: str) -> None:
    assert complaint(silent, KNOWN)
