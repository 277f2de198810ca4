from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from babelmesh.cli.captions import Caption
from babelmesh.cli.subtitles import LINE_LENGTH, cues, srt, timestamp, vtt

LONG = (
    "You have also installed a set of sample sounds and configuration files that should help you to get started, "
    "and like a normal exchange you will navigate this demonstration by dialing digits."
)


def _caption(text: str, start_ms: int = 0, end_ms: int = 2000, final: bool = True) -> Caption:
    return Caption("en", 1, text, 0, final, start_ms, end_ms)


def test_timestamps_go_past_an_hour() -> None:
    assert timestamp(3_723_004, ",") == "01:02:03,004"
    assert timestamp(360_000_000, ".") == "100:00:00.000"


def test_subrip_is_numbered_blocks() -> None:
    written = srt([_caption("One.", 0, 1500), _caption("Two.", 3_600_000, 3_602_500)])
    assert written == "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n01:00:00,000 --> 01:00:02,500\nTwo.\n"


def test_webvtt_has_its_header_and_escapes_markup() -> None:
    written = vtt([_caption("a <b> & c --> d", 0, 1500)])
    assert written == "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt;b&gt; &amp; c --&gt; d\n"


def test_nothing_said_is_still_a_valid_file() -> None:
    assert srt([]) == ""
    assert vtt([]) == "WEBVTT\n"


def test_what_is_not_final_is_left_out() -> None:
    assert cues([_caption("so far", final=False)]) == []


def test_a_long_caption_becomes_even_cues_that_share_its_time() -> None:
    found = cues([_caption(LONG, 10_000, 22_000)])
    assert (found[0].start_ms, found[-1].end_ms) == (10_000, 22_000)
    assert " ".join(line for cue in found for line in cue.lines) == LONG
    assert all(len(cue.lines) <= 2 for cue in found)
    lengths = [len(line) for cue in found for line in cue.lines]
    assert max(lengths) <= LINE_LENGTH
    assert min(lengths) > LINE_LENGTH / 2


def test_a_short_cue_stays_long_enough_to_read_where_there_is_room() -> None:
    found = cues([_caption("Yes.", 0, 200), _caption("No.", 700, 900)])
    assert [(cue.start_ms, cue.end_ms) for cue in found] == [(0, 700), (700, 1700)]


def test_typed_text_is_shown_for_as_long_as_reading_takes() -> None:
    found = cues([_caption("Hello there.", 0, 0), _caption("How are you?", 0, 0)])
    assert [(cue.start_ms, cue.end_ms) for cue in found] == [(0, 1000), (1000, 2000)]
    (longer,) = cues([_caption("Hello there. How are you? I am fine.", 4000, 4000)])
    assert longer.end_ms - longer.start_ms == 60 * len("Hello there. How are you? I am fine.")


def test_typed_text_in_the_middle_of_speech_has_its_place() -> None:
    found = cues([_caption("Typed.", 4000, 4000), _caption("What was said meanwhile.", 300, 9000)])
    assert [(cue.start_ms, cue.lines[0]) for cue in found] == [(300, "What was said meanwhile."), (4000, "Typed.")]


def test_no_time_is_negative() -> None:
    (cue,) = cues([_caption("Early.", -500, 200)])
    assert (cue.start_ms, cue.end_ms) == (0, 1000)
    assert [each.start_ms for each in cues([_caption("Earlier.", -900, -500)])] == [0]


def test_what_players_take_for_markup_is_shown_as_it_was_said() -> None:
    said = "c <i>x</i> & {\\an8} 1 < 2 --> 00:00:01,000"
    written = srt([_caption(said, 0, 1500)])
    text = written.split("\n", 2)[2]
    assert text.replace("\N{WORD JOINER}", "").strip() == said.replace("{", "(").replace("}", ")")
    for markup in ("<i>", "</i>", "-->", "00:00:01,000", "{"):
        assert markup not in text
    assert "&lt;i&gt;" in vtt([_caption(said, 0, 1500)])


@given(st.lists(st.tuples(st.integers(-2_000, 10_000), st.integers(0, 3_000), st.text("ab ", min_size=1)), max_size=8))
def test_cues_never_overlap_and_always_last(parts: list[tuple[int, int, str]]) -> None:
    found = cues([_caption(text, start, start + length) for start, length, text in parts])
    assert all(0 <= cue.start_ms < cue.end_ms for cue in found)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(found))
