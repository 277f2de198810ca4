from __future__ import annotations

import json
import logging
import sys

import pytest

from services.common.telemetry.logs import EventFormatter


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


@pytest.mark.parametrize(
    "address",
    [
        "ipv4:192.0.2.7:50123",
        "ipv6:%5B2001:db8::7%5D:443",
        "192.0.2.7",
        "[2001:db8::7]:443",
        "gateway.example.com:7700",
        "unix:/run/socket",
        "http://192.0.2.7/x",
    ],
)
def test_a_librarys_line_holds_no_address(address: str) -> None:
    logging_it = logging.LogRecord("grpc._channel", logging.ERROR, __file__, 7, f"Lost {address} again", None, None)
    event = json.loads(EventFormatter("gateway").format(logging_it))
    assert event["event"].startswith("Lost ...")
    for part in ("192.0.2", "2001:db8", "example.com", "/run"):
        assert part not in json.dumps(event)
    assert (event["logger"], event["at"]) == ("grpc._channel", ["test_logs.py:7"])


def test_what_a_library_fills_into_its_lines_is_left_out() -> None:
    """asyncio tells of a task's exception with all it says, a gRPC status with the peer's address."""
    message = "Task exception was never retrieved\nfuture: <Task exception=AioRpcError(peer ipv4:192.0.2.7:1)>"
    asyncios = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, message, None, None)
    told = logging.LogRecord("grpc.aio", logging.ERROR, __file__, 1, "Call of %s failed", ("a secret",), None)
    for record in (asyncios, told):
        line = EventFormatter("gateway").format(record)
        assert "192.0.2.7" not in line
        assert "secret" not in line
    assert json.loads(EventFormatter("gateway").format(asyncios))["event"] == "Task exception was never retrieved"
