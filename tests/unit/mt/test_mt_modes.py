from __future__ import annotations

from pathlib import Path

import pytest

from services.mt.engine import Pair
from services.mt.engines.embedded.modes import commands, installed, pair_of


@pytest.mark.parametrize(
    ("mode", "pair"),
    [
        ("eng-spa", Pair("en", "es")),
        ("en-gl", Pair("en", "gl")),
        ("spa-eng_US", Pair("es", "en-US")),
        ("eng-cat_valencia", Pair("en", "ca-valencia")),
        ("eng-cat_iec2017", None),
        ("eng-spa-tagger", None),
        ("eng-morph", None),
        ("eng", None),
    ],
)
def test_the_languages_are_in_the_name_of_a_mode(mode: str, pair: Pair | None) -> None:
    assert pair_of(mode) == pair


def test_every_stage_is_told_to_answer_at_once_and_the_generator_to_mark_what_it_does_not_know() -> None:
    line = "lt-proc '/a dir/x.bin' | apertium-tagger -g $2 '/y.prob' | lt-proc $1 '/z.bin'\n"
    assert commands(line) == [
        ("lt-proc", "-z", "/a dir/x.bin"),
        ("apertium-tagger", "-z", "-g", "/y.prob"),
        ("lt-proc", "-z", "-g", "/z.bin"),
    ]


def test_only_modes_that_translate_are_found(tmp_path: Path) -> None:
    for name in ("eng-spa.mode", "eng-spa-tagger.mode", "README"):
        (tmp_path / name).write_text("cat")
    assert dict(installed(tmp_path)) == {Pair("en", "es"): tmp_path / "eng-spa.mode"}


def test_a_folder_that_is_not_there_holds_no_pairs(tmp_path: Path) -> None:
    assert not installed(tmp_path / "none")


def test_a_transfer_that_looks_words_up_itself_is_given_a_program_that_does() -> None:
    stages = commands("apertium-pretransfer|apertium-transfer a.t1x a.t1x.bin a.autobil.bin|lt-proc $1 a.autogen.bin")
    assert stages[1:3] == [
        ("lt-proc", "-z", "-b", "a.autobil.bin"),
        ("apertium-transfer", "-z", "-b", "a.t1x", "a.t1x.bin"),
    ]
    assert commands("apertium-transfer -b a.t1x a.t1x.bin") == [("apertium-transfer", "-z", "-b", "a.t1x", "a.t1x.bin")]
