"""Whether a client tries again, and when: the server says so in a field, whatever its code."""

from __future__ import annotations

import pytest

from babelmesh.client.errors import CONNECTION_LOST, UNREACHABLE, SessionFailed, from_event
from babelmesh.client.events import Error
from babelmesh.client.gateways import may_pass, pause_ms


def failure(code: str, retry_after_ms: int | None) -> SessionFailed:
    """What a client makes of an error of a server."""
    return from_event(Error(code=code, message="No.", retry_after_ms=retry_after_ms, fatal=True))


@pytest.mark.parametrize(("told", "pause"), [(0, 0), (1, 1), (700, 700)])
@pytest.mark.parametrize("code", ["DRAINING", "A_CODE_OF_TOMORROW"])
def test_an_error_with_a_time_is_tried_again_after_it_whatever_its_code(code: str, told: int, pause: int) -> None:
    failed = failure(code, told)
    assert failed.retry_after_ms == told
    assert may_pass(failed)
    assert pause_ms(failed) == pause


@pytest.mark.parametrize("code", ["DRAINING", "GOING_AWAY", "NOT_READY", "CLIENT_TOO_SLOW", "UNKNOWN_VOICE"])
def test_an_error_without_a_time_is_not_tried_again_whatever_its_code(code: str) -> None:
    failed = failure(code, None)
    assert failed.retry_after_ms is None
    assert not may_pass(failed)


@pytest.mark.parametrize("code", [CONNECTION_LOST, UNREACHABLE])
def test_where_no_server_said_anything_another_one_is_tried_at_once(code: str) -> None:
    failed = SessionFailed(code, "Gone.")
    assert may_pass(failed)
    assert pause_ms(failed) == 0
