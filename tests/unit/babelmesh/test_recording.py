from __future__ import annotations

import json
import wave
from pathlib import Path

from babelmesh.cli.captions import Languages
from babelmesh.cli.recording import Place, Recording
from realtime.v1 import realtime_translate_pb2 as pb

LANGUAGES = Languages("en", ("es",), ("es",))


def _session(recording: Recording) -> None:
    recording.take(pb.AsrResult(text="Hi.", final=True, segment_id=1, start_ms=1000, end_ms=2000, confidence=0.9), 2200)
    recording.take(
        pb.TranslationResult(text="Hola.", final=True, segment_id=1, target_lang="es", start_ms=1000, end_ms=2000), 2300
    )
    chunk = pb.TtsChunk(data=bytes(3200), format="pcm16le", sample_rate=16_000, segment_id=1, target_lang="es")
    recording.take(chunk, 2400)


def test_a_session_leaves_speech_subtitles_and_events(tmp_path: Path) -> None:
    with Recording(Place(tmp_path / "out", "talk", live=True), LANGUAGES) as recording:
        _session(recording)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"talk.es.wav", "talk.es.srt", "talk.es.vtt", "talk.en.srt", "talk.en.vtt", "talk.json"}
    assert files == {path.name for path in recording.written()}
    assert "Hola." in (tmp_path / "out" / "talk.es.srt").read_text()
    events = json.loads((tmp_path / "out" / "talk.json").read_text())
    assert [(event["event"], event["at_ms"]) for event in events] == [
        ("asr", 2200),
        ("translation", 2300),
        ("tts", 2400),
    ]
    assert (events[0]["start_ms"], events[0]["confidence"], events[2]["data_bytes"]) == (1000, 0.9, 3200)


def test_live_speech_lies_where_it_was_heard_and_fast_speech_where_it_was_spoken(tmp_path: Path) -> None:
    lengths = {}
    for live in (True, False):
        with Recording(Place(tmp_path, f"{live}", live), LANGUAGES) as recording:
            _session(recording)
        with wave.open(str(tmp_path / f"{live}.es.wav")) as file:
            lengths[live] = file.getnframes()
    assert lengths == {True: 16 * 2500, False: 16 * 1100}


def test_a_session_cut_short_leaves_what_had_come(tmp_path: Path) -> None:
    try:
        with Recording(Place(tmp_path, "talk", live=True), LANGUAGES) as recording:
            _session(recording)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert len(json.loads((tmp_path / "talk.json").read_text())) == 3
    assert (tmp_path / "talk.es.wav").stat().st_size > 44
    assert not list(tmp_path.glob(".*"))


def _cues(path: Path) -> list[str]:
    return [" ".join(block.splitlines()[1:]) for block in path.read_text().split("\n\n")]


def test_subtitles_of_a_session_cut_short_are_all_that_was_concluded(tmp_path: Path) -> None:
    with Recording(Place(tmp_path, "talk", live=True), LANGUAGES) as recording:
        _session(recording)
        recording.take(pb.AsrResult(text="Good day to", stable_length=8, segment_id=2, start_ms=3000, end_ms=5200), 0)
        so_far = pb.TranslationResult(text="Buenos dí", stable_length=6, segment_id=2, target_lang="es", start_ms=3000)
        recording.take(so_far, 0)
    assert _cues(tmp_path / "talk.en.srt")[-1] == "00:00:03,000 --> 00:00:04,600 Good day"
    assert _cues(tmp_path / "talk.es.srt")[-1].endswith("Buenos")


def test_subtitles_have_what_was_spoken_though_no_caption_has_come(tmp_path: Path) -> None:
    with Recording(Place(tmp_path, "talk", live=True), LANGUAGES) as recording:
        recording.take(pb.AsrResult(text="Good day.", final=True, segment_id=1, start_ms=3000, end_ms=5000), 0)
        for clause in ("Buenos", "días"):
            speech = pb.TtsChunk(format="pcm16le", sample_rate=16_000, segment_id=1, target_lang="es", text=clause)
            speech.data = bytes(320)
            recording.take(speech, 0)
    assert _cues(tmp_path / "talk.es.srt") == ["00:00:03,000 --> 00:00:05,000 Buenos días"]


def test_a_session_without_events_leaves_an_empty_list(tmp_path: Path) -> None:
    with Recording(Place(tmp_path, "talk", live=True), LANGUAGES):
        pass
    assert json.loads((tmp_path / "talk.json").read_text()) == []
