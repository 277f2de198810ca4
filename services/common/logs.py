"""Logs are events: one JSON object a line, a constant message with fields. Never text, audio, tokens or addresses."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class EventFormatter(logging.Formatter):
    """Writes time, level, service and event, then what was passed as `extra={"fields": {...}}`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON. An exception is told by its type and place: its message may quote what a user said."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = record.exc_info[0].__name__
            event["at"] = _places(record)
        return json.dumps(event)


def _places(record: logging.LogRecord) -> list[str]:
    traceback = record.exc_info[2] if record.exc_info else None
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places


def configure(service: str, level: str = "INFO") -> None:
    """Sends this process's logs to stderr as events."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter(service))
    logging.basicConfig(handlers=[handler], level=level, force=True)
