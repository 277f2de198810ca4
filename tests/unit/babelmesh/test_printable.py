"""Text from a server or a speaker does nothing to the terminal, or to a player, that shows it."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from rich.text import Text

from babelmesh import console
from babelmesh.cli.captions import Captions, Languages
from babelmesh.cli.subtitles import srt, vtt
from babelmesh.cli.views import JsonLines, Lines, notice_of
from babelmesh.client.events import AsrResult, Error, TranslationResult
from babelmesh.client.printable import printable, printable_lines

STEERING = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202eevil\u2066 \x7f \ud800"
LANGUAGES = Languages("en", ("es",), ("es",))


def steers(text: str) -> bool:
    return any(each in text for each in "\x1b\x07\x9b\u202e\u2066\x7f\ud800\u2028")


def test_what_steers_is_written_out_and_other_text_stays() -> None:
    assert printable("a\x1b[31mb") == "a\\u001b[31mb"
    assert printable("ab\u202ecd") == "ab\\u202ecd"
    kept = "Grüße, עברית\u200f, فارسی\u200c, 👩‍🚀, 日本"
    assert printable(kept) == kept


def test_a_text_stays_on_its_line() -> None:
    assert printable("one\ntwo\r\nthree\u2028four") == "one two  three four"
    assert printable_lines("one\ntwo\tthree\r") == "one\ntwo\tthree\\u000d"


def test_json_that_is_shown_is_the_same_json() -> None:
    shown = printable_lines(json.dumps({"text": STEERING}, ensure_ascii=False))
    assert not steers(shown)
    assert json.loads(shown) == {"text": STEERING}


def test_subtitles_hold_nothing_that_steers() -> None:
    captions = Captions(LANGUAGES)
    captions.take(AsrResult(final=True, text=STEERING.replace("\ud800", ""), segment_id=1, end_ms=1000))
    for subtitles in (srt(captions.of("en")), vtt(captions.of("en"))):
        assert not steers(subtitles)
        assert "evil" in subtitles


def test_captions_and_notices_on_lines_hold_nothing_that_steers(capsys: pytest.CaptureFixture[str]) -> None:
    text = STEERING.replace("\ud800", "") + "\nfr  forged"
    said = TranslationResult(final=True, text=text, target_lang="es", segment_id=1)
    for view in (Lines(LANGUAGES, typed=True), JsonLines()):
        view.take(said, 0)
        view.take(Error(code="X", message=text), 0)
    told = capsys.readouterr()
    assert not steers(told.out + told.err)
    assert "\nfr" not in told.out
    assert "\n" not in notice_of(Error(code="X", message=text))


def test_where_the_tentative_begins_is_kept_though_what_is_before_it_grows() -> None:
    captions = Captions(LANGUAGES)
    caption = captions.take(AsrResult(text="a\x1bb c", stable_length=3, segment_id=1))
    assert caption
    assert (caption.concluded, caption.tentative) == ("a\\u001bb", " c")


def test_what_a_table_shows_steers_nothing() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    terminal.print(console.Shown(Text("a\x1b]0;owned\x07b")))
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "a\\u001b]0;owned" in shown
    assert "\x1b]" not in shown
