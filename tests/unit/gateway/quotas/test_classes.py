from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.gateway.quotas.classes import Line, QuotasUnusable, read_classes, window


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_limits_are_read_in_the_units_that_are_counted() -> None:
    told = {"default": {"sessions": 2, "audio_minutes": {"day": 1.5}, "characters": {"month": 10}}}
    assert read_classes(json.dumps(told))["default"] == (
        Line("sessions", "now", 2),
        Line("audio_minutes", "day", 90_000),
        Line("characters", "month", 10),
    )


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        {"gold": {}},
        {"default": 1},
        {"default": {"audio": {"day": 1}}},
        {"default": {"audio_minutes": 5}},
        {"default": {"audio_minutes": {"week": 5}}},
        {"default": {"audio_minutes": {}}},
        {"default": {"sessions": -1}},
        {"default": {"sessions": True}},
        {"default": {"sessions": "two"}},
        {"default": {}, "a b": {}},
    ],
)
def test_a_file_that_says_something_else_is_refused(told: Any) -> None:
    with pytest.raises(QuotasUnusable):
        read_classes(json.dumps(told))


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"default": {"sessions": NaN}}', '{"default": {"sessions": 1e999}}'])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(QuotasUnusable):
        read_classes(text)


def test_windows_are_those_of_the_calendar() -> None:
    now = at("2024-02-29T23:59:30")
    assert [window(each, now).ends for each in ("minute", "day", "month")] == [at("2024-03-01T00:00:00")] * 3
    assert window("month", at("2024-12-15T00:00:00")).ends == at("2025-01-01T00:00:00")
    assert window("minute", now).name != window("minute", now + 30).name
