from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from babelmesh.cli.captions import Languages
from babelmesh.cli.ledger import Ledger
from babelmesh.cli.screen import Screen, Track
from realtime.v1 import realtime_translate_pb2 as pb

WORDS = " ".join(f"word{number}" for number in range(400))


def _console(width: int, height: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="standard")


def _picture(screen: Screen, width: int, height: int) -> str:
    fresh = _console(width, height)
    with fresh.capture() as captured:
        fresh.print(screen.picture())
    return captured.get()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 12), (80, 5), (20, 3)])
@pytest.mark.parametrize("targets", [1, 2, 8])
def test_the_picture_fits_any_terminal(width: int, height: int, targets: int) -> None:
    langs = tuple(f"l{number}" for number in range(targets))
    console = _console(width, height)
    screen = Screen(
        console, Languages("en", langs, langs), Track("a-recording-with-a-very-long-name" * 3, 30_000, 12_000)
    )
    with screen:
        for lang in langs:
            result = pb.TranslationResult(text=WORDS, segment_id=1, target_lang=lang, stable_length=900)
            screen.take(result, 0)
        screen.take(pb.Flow(gaps=[pb.Gap(from_ms=1, to_ms=2, reason=pb.GAP_REASON_MISSING_AUDIO)]), 0)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", _picture(screen, width, height)).splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_the_newest_words_are_shown_and_tentative_ones_dim() -> None:
    console = _console(60, 24)
    with Screen(console, Languages("en", ("es",), ("es",)), Track("talk", 0)) as screen:
        screen.take(pb.AsrResult(text=f"{WORDS} surely perhaps", segment_id=1, stable_length=len(WORDS) + 7), 0)
        picture = _picture(screen, 60, 24)
    assert "surely" in picture
    assert re.search(r"\x1b\[2m ?perhaps", picture)


def test_the_ledger_tells_delays_after_the_capture_and_leaves_out_what_did_not_happen() -> None:
    ledger = Ledger(Languages("en", ("es",), ("es-ES",)))
    ledger.take(pb.Latency(segment_id=1, target_lang="es-ES", captured_ms=2000, recognized_ms=2400, sent_ms=3100))
    ledger.take(pb.Latency(segment_id=2, target_lang="es-ES", captured_ms=4000, first_audio_ms=3800, sent_ms=5100))
    console = _console(80, 24)
    with console.capture() as captured:
        console.print(ledger.table())
    rows = [line.split() for line in re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()]
    assert ["1", "es", "0:02.0", "+0.40", "-", "-", "+1.10"] in rows
    assert ["2", "es", "0:04.0", "-", "-", "-0.20", "+1.10"] in rows
    assert ["median", "+0.40", "-", "-0.20", "+1.10"] in rows
