"""A fatal error that a session was told has the status, and so the close code, of its kind."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.faults import fault_told


@pytest.mark.parametrize(
    ("code", "field", "status"),
    [
        ("AT_CAPACITY", "", 429),
        ("QUOTA_EXHAUSTED", "", 402),
        ("QUOTA_SESSIONS", "", 402),
        ("TOKEN_EXPIRED", "authorization", 401),
        ("TOKEN_KEYS_UNAVAILABLE", "", 503),
        ("SCOPE_MISSING", "authorization", 403),
        ("VOICE_NOT_GRANTED", "hello.targets[0].voice", 403),
        ("UNKNOWN_LANGUAGE", "hello.source_lang", 400),
        ("STUCK", "", 503),
    ],
)
def test_a_fatal_error_has_the_status_of_its_kind(code: str, field: str, status: int) -> None:
    assert fault_told(pb.Error(code=code, field=field, fatal=True)).status == status
