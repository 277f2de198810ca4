from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from services.common.errors import InvalidArgument
from services.gateway.quotas.usage import Record, UsageLog, Used, count, label
from tests.measured import measured

RECORD = Record("session", "acme", "gold", "1", "", 2.5, Used(audio_ms=2000, characters=7))


def test_a_record_is_one_line_with_the_tenant_and_the_log_has_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    written = UsageLog(tmp_path / "usage")
    written.open()
    written.add(RECORD)
    written.flush()
    (line,) = (tmp_path / "usage").read_text().splitlines()
    told = json.loads(line)
    assert (told["tenant"], told["quota_class"], told["audio_ms"], told["characters"]) == ("acme", "gold", 2000, 7)
    assert "acme" not in repr([vars(each) for each in caplog.records])
    assert "acme" not in repr(RECORD)


def test_what_cannot_be_written_waits_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    written = UsageLog(folder / "usage")
    written.open()
    (folder / "usage").unlink()
    folder.rename(tmp_path / "away")
    written.add(RECORD)
    written.flush()
    (tmp_path / "away").rename(folder)
    written.flush()
    assert len((folder / "usage").read_text().splitlines()) == 1


def test_a_file_that_cannot_be_written_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as refused:
        UsageLog(tmp_path / "missing" / "usage").open()
    assert refused.value.field == "GATEWAY_USAGE"


def test_classes_that_nobody_set_make_no_series_of_their_own() -> None:
    assert label("gold", {"default", "gold"}) == "gold"
    assert label("anything", {"default", "gold"}) == "default"
    with measured() as seen:
        count("gold", Used(audio_ms=1500, voice_ms=500))
        audio, voice = seen.values("usage.audio"), seen.values("usage.voice")
    assert (audio["gold",], voice["gold",]) == (1.5, 0.5)
