"""What the small recognizer cannot guess, it cannot say."""

from __future__ import annotations

import pytest

pytest.importorskip("pocketsphinx")

from services.asr.engines.embedded.sphinx import Options, Recognition
from services.asr.engines.embedded.vocabulary import LIST, decent, obscene


def test_a_dictionary_loses_the_words_with_all_their_pronunciations_and_nothing_else() -> None:
    word = min(obscene())
    kept = ["assess AH S EH S", "class K L AE S", "class(2) K L AA S", "peacock P IY K AA K"]
    assert list(decent([*kept, f"{word} X", f"{word}(2) Y", f"{word.upper()}(3) Z"])) == kept


def test_the_list_is_not_readable_where_it_is_kept() -> None:
    assert obscene().isdisjoint(LIST.read_text(encoding="ascii").split())


def test_the_decoder_knows_none_of_the_words() -> None:
    decoder = Recognition(Options(second_pass=False))._decoder  # it has no other way to be asked
    assert decoder.lookup_word("assess")
    assert not [word for word in obscene() if decoder.lookup_word(word)]
