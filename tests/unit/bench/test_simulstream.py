"""The log others can score."""

from __future__ import annotations

import json
from pathlib import Path

from bench.measuring.metrics import Emission
from bench.sessions.simulstream import Logged, Step, deleted_count, emissions, read_log, steps_of, write_log

WORDS = [Emission("el", 1.0, 1.2), Emission("gato", 1.0, 1.2), Emission("come", 2.0, 2.5)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    logs = [Logged("one", steps_of(WORDS)), Logged("two", ())]
    write_log(tmp_path / "log" / "a.jsonl", logs)
    assert read_log(tmp_path / "log" / "a.jsonl") == logs


def test_words_keep_their_moments() -> None:
    again = emissions(steps_of(WORDS))
    assert [(word.text, word.ideal) for word in again] == [("el", 1.0), ("gato", 1.0), ("come", 2.0)]
    assert [round(word.elapsed, 6) for word in again] == [1.2, 1.2, 2.5]


def test_a_log_of_subwords_that_took_some_back_is_read(tmp_path: Path) -> None:
    lines = [
        {"id": 7, "metadata": {"wav_name": "/data/talk.wav"}},
        {"id": 7, "total_audio_processed": 1.0, "computation_time": 0.2}
        | {"generated_tokens": ["▁el", "▁ga", "to"], "deleted_tokens": []},
        {"id": 7, "total_audio_processed": 2.0, "computation_time": 0.5}
        | {"generated_tokens": ["tito", "▁come"], "deleted_tokens": ["to"]},
    ]
    path = tmp_path / "other.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    (talk,) = read_log(path)
    assert talk.name == "talk"
    assert [(word.text, word.ideal) for word in emissions(talk.steps)] == [("el", 1.0), ("gatito", 2.0), ("come", 2.0)]
    assert deleted_count(talk.steps) == 1


def test_a_step_may_only_take_back() -> None:
    steps = [Step(1.0, 0.0, ("▁el", "▁gato")), Step(2.0, 0.0, (), ("▁gato",))]
    assert [word.text for word in emissions(steps)] == ["el"]
