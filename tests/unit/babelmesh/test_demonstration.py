"""What the demo chooses by what a mesh has."""

from __future__ import annotations

import pytest

from babelmesh.cli.demonstration import Watcher, slow_voices, targets
from babelmesh.client.events import DescribeResponse, LanguagePair, Latency, Ready, TargetVoice, Voice


def mesh(*langs: str) -> DescribeResponse:
    return DescribeResponse(pairs=[LanguagePair(source_lang="en", target_lang=lang) for lang in langs])


@pytest.mark.parametrize(
    ("langs", "chosen"),
    [(("ca", "es", "pt-BR"), ("es", "pt")), (("ca", "es", "gl"), ("es", "ca")), (("es",), ("es",)), ((), ("es",))],
)
def test_it_translates_into_what_there_is(langs: tuple[str, ...], chosen: tuple[str, ...]) -> None:
    assert targets(mesh(*langs)) == chosen


def test_a_language_without_a_way_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    targets(mesh("es", "ca"))
    assert "no way from English into pt" in capsys.readouterr().err


def test_a_neural_voice_that_does_not_speak_live_voices_the_files() -> None:
    voices = [
        Voice(name="es", lang="es", engine="embedded", default=True),
        Voice(name="ef_dora", lang="es", engine="kokoro", real_time_factor=0.8),
        Voice(name="em_alex", lang="es", engine="kokoro", real_time_factor=0.8),
        Voice(name="pf_dora", lang="pt-BR", engine="kokoro", real_time_factor=0.2, default=True),
        Voice(name="ca", lang="ca", engine="embedded", default=True),
    ]
    spoken = [
        TargetVoice(target_lang="es", voice="es", engine="embedded"),
        TargetVoice(target_lang="pt", voice="pf_dora", engine="kokoro"),
        TargetVoice(target_lang="ca", voice="ca", engine="embedded"),
    ]
    assert slow_voices(DescribeResponse(voices=voices), Ready(voices=spoken)) == {"es": "ef_dora"}


def test_it_keeps_how_late_a_session_was() -> None:
    watched = Watcher(["es"])
    for number, late_ms in enumerate((500, 700, 900)):
        watched.take(Latency(segment_id=number, target_lang="es", captured_ms=1000, recognized_ms=1000 + late_ms), 0)
    assert watched.ledger.medians().startswith("recognized +0.70 s, translated - s")
