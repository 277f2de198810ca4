"""`python -m bench.goals` as it is asked: by goal or by name, with prompts or without."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bench import goals


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Sequence[str]]:
    """The commands that are run; each of them prints nothing."""
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str], **_: object) -> CompletedProcess[str]:
        commands.append(command[2:])
        return CompletedProcess(command, 1)

    monkeypatch.setattr(goals, "OUT", tmp_path)
    monkeypatch.setattr("bench.goals.subprocess.run", run)
    return commands


def test_every_measurement_is_listed_once() -> None:
    assert Counter((each.module, *each.options) for each in goals.MEASUREMENTS).most_common(1)[0][1] == 1


@pytest.mark.parametrize("measurement", goals.MEASUREMENTS, ids=lambda each: f"{each.name} {each.goals[0]}")
def test_prompts_may_be_given_with_any_goal(
    measurement: goals.Measurement, asked: list[Sequence[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.touch()
    monkeypatch.setattr(sys, "argv", ["goals", "--only", measurement.goals[0], "--prompts", str(prompts)])
    with pytest.raises(SystemExit):
        goals.main()
    corpus = [str(prompts)] if measurement.reads_prompts else []
    assert [measurement.module, *corpus, *measurement.options] in asked


def test_prompts_that_are_not_there_are_told_before_anything_runs(
    asked: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["goals", "--only", "C4", "--prompts", "nowhere.jsonl"])
    with pytest.raises(SystemExit):
        goals.main()
    assert "--prompts: there is no file nowhere.jsonl" in capsys.readouterr().err
    assert not asked
