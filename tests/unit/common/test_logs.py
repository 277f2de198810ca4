from __future__ import annotations

import json
import logging
import sys

from services.common.logs import EventFormatter


def _record(**more: object) -> logging.LogRecord:
    record = logging.LogRecord("any", logging.INFO, __file__, 1, "session opened", None, None)
    record.__dict__.update(more)
    return record


def test_an_event_is_one_line_of_json_with_its_fields() -> None:
    line = EventFormatter("gateway").format(_record(fields={"targets": 2}))
    event = json.loads(line)
    assert "\n" not in line
    assert (event["service"], event["event"], event["targets"], event["level"]) == (
        "gateway",
        "session opened",
        2,
        "INFO",
    )


def test_an_exception_is_told_by_type_and_place_and_not_by_what_it_says() -> None:
    try:
        raise ValueError("a secret somebody spoke")
    except ValueError:
        line = EventFormatter("asr").format(_record(exc_info=sys.exc_info()))
    event = json.loads(line)
    assert event["exception"] == "ValueError"
    assert event["at"][0].startswith("test_logs.py:")
    assert "secret" not in line
