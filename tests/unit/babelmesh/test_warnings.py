"""What the command line warns of when a session opens."""

from __future__ import annotations

from babelmesh.cli.captions import Languages
from babelmesh.cli.run import warnings
from realtime.v1 import realtime_translate_pb2 as pb


def _warned(wideband: bool) -> list[str]:
    config = pb.SessionConfig(source_lang="en-US", input=pb.AudioFormat(format="mulaw", sample_rate=8_000))
    ready = pb.Ready(config=config, narrowband=wideband)
    return warnings(ready, Languages.agreed("en", [], ready))


def test_a_recognizer_that_hears_8_khz_badly_is_a_line_of_warning() -> None:
    (line,) = _warned(wideband=True)
    assert line.startswith("Warning:")
    assert "8000 Hz" in line


def test_a_session_in_which_nothing_is_amiss_has_no_warning() -> None:
    assert _warned(wideband=False) == []
