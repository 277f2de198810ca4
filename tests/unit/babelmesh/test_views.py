from __future__ import annotations

import json
from typing import Any

import pytest

from babelmesh.cli.captions import Languages
from babelmesh.cli.views import JsonLines, Lines, clock, notice_of
from babelmesh.client.events import Event, event_json
from realtime.v1 import realtime_translate_pb2 as pb

LANGUAGES = Languages("en", ("es",), ("es",))


def less(stage: pb.Stage.ValueType, reason: pb.DegradedReason.ValueType, **more: Any) -> pb.Flow:
    return pb.Flow(degraded=[pb.Degraded(stage=stage, reason=reason, **more)])


def test_finals_are_lines_and_interims_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(LANGUAGES) as lines:
        lines.take(pb.AsrResult(text="good", segment_id=1), 0)
        lines.take(pb.AsrResult(text="Good morning.", final=True, segment_id=1, start_ms=61_250), 0)
        lines.take(pb.TranslationResult(text="", final=True, segment_id=1, target_lang="es"), 0)
    assert capsys.readouterr().out == "[1:01.2] en  Good morning.\n"


def test_what_was_left_out_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(LANGUAGES) as lines:
        lines.take(pb.Flow(gaps=[pb.Gap(from_ms=1000, to_ms=2500, reason=pb.GAP_REASON_MISSING_AUDIO)]), 0)
    assert capsys.readouterr() == ("", "No result from 0:01.0 to 0:02.5: MISSING_AUDIO\n")


def test_every_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines() as lines:
        lines.take(pb.TtsChunk(data=b"1234", target_lang="es", last=True), 1234.5)
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["at_ms"], event["data_bytes"], event["last"]) == ("tts", 1234, 4, True)


def test_json_keeps_the_names_of_the_contract_and_the_kinds_of_values() -> None:
    ready = pb.Ready(session_id="s", voices=[pb.TargetVoice(real_time_factor=1.1)])
    ready.config.targets.add(lang="es", delivery=pb.DELIVERY_CAPTIONS)
    ready.config.glossary.terms.add(source="mesh", translations={"es": "malla"})
    event = event_json(ready, 0)
    assert event["config"]["targets"][0]["delivery"] == "DELIVERY_CAPTIONS"  # type: ignore[index,call-overload]  # a tree
    assert event["config"]["glossary"]["terms"][0]["translations"] == {"es": "malla"}  # type: ignore[index,call-overload]  # a tree
    assert event["voices"][0]["real_time_factor"] == 1.1  # type: ignore[index,call-overload]  # a tree
    assert event["config"]["partial_results"] is False  # type: ignore[index,call-overload]  # a tree


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (pb.Error(code="TTS_UNAVAILABLE", message="Captions only."), "TTS_UNAVAILABLE: Captions only."),
        (less(pb.STAGE_TTS, pb.DEGRADED_REASON_RUNAWAY, target_lang="es"), "TTS es works at less"),
        (less(pb.STAGE_MT, pb.DEGRADED_REASON_OVERLOAD, over=True), "OVERLOAD is over"),
        (
            less(pb.STAGE_TTS, pb.DEGRADED_REASON_MAX_LAG, target_lang="es", segment_id=3, text="hola"),
            "Not spoken in es, MAX_LAG: hola",
        ),
        (pb.GoAway(time_left_ms=5000), "closes in 5 s"),
        (pb.Flow(held=True), ""),
        (pb.Ack(), ""),
    ],
)
def test_what_a_person_should_know_is_told(event: Event, says: str) -> None:
    assert says in notice_of(event)
    assert bool(notice_of(event)) is bool(says)


def test_offsets_are_written_for_people() -> None:
    assert [clock(ms) for ms in (0, 61_250, 3_723_400)] == ["0:00.0", "1:01.2", "1:02:03.4"]
