"""Logs are events: one JSON object a line, a constant message with fields. Never text, audio, tokens or addresses.

Libraries log sentences of their own, with addresses and values in them: of those only what is safe is written.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

OURS = frozenset(
    {"services", "babelmesh", "bench", "tests", "deploy"}
)  # packages whose messages are constant; so are those with fields
_LONGEST = 120  # characters of a library's message
# Hosts with ports, IPv4 and IPv6, names of sockets: anything of the kind, rather too much than too little.
_ADDRESS = re.compile(
    r"\b(?:ipv[46]|unix|dns|https?|grpcs?):\S+"
    r"|\[?(?:[0-9a-f]{0,4}(?::|%3a)){2,}[0-9a-f.]*\]?\S*"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*"
    r"|\b[\w.-]+:\d{2,5}\b",
    re.IGNORECASE,
)


class EventFormatter(logging.Formatter):
    """Formats time, level, service and event, and the fields passed as `extra={"fields": {...}}`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON. An exception shows only its type and place: its message may quote a user."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            **_event(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = record.exc_info[0].__name__
            event["at"] = _places(record)
        return json.dumps(event)


def _event(record: logging.LogRecord) -> dict[str, object]:
    """Return the event of a record. A library's is the first line of its message, without arguments, and its place."""
    if record.name.partition(".")[0] in OURS or hasattr(record, "fields"):
        return {"event": record.getMessage(), **getattr(record, "fields", {})}
    line = next(iter(str(record.msg).splitlines()), "")[:_LONGEST]
    at = f"{record.filename}:{record.lineno}"
    return {"event": _ADDRESS.sub("...", line), "logger": record.name, "at": [at]}


def _places(record: logging.LogRecord) -> list[str]:
    traceback = record.exc_info[2] if record.exc_info else None
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places


def configure(service: str, level: str = "INFO") -> None:
    """Configure logging to write this process's events to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter(service))
    logging.basicConfig(handlers=[handler], level=level, force=True)
