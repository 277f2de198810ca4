"""What a tenant is told whose quota is used up, or cannot be looked up: which, and until when."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from services.common.errors import AtCapacity, StageFailed
from services.common.retrying import jittered
from services.common.telemetry import rpcs
from services.gateway.quotas.classes import UNITS
from services.gateway.quotas.tally import Counted

EXHAUSTED, TOO_MANY, ENDING, UNAVAILABLE = (
    "QUOTA_EXHAUSTED",
    "QUOTA_SESSIONS",
    "QUOTA_ENDING",
    "QUOTAS_UNAVAILABLE",
)
_RETRY_MS = 1000
_MOST_RETRY_MS = 2**31


def exhausted(count: Counted, now: float) -> AtCapacity:
    """Return the refusal of a tenant that has used up a limit."""
    return AtCapacity(EXHAUSTED, f"Your quota is used up: {_named(count)}.", retry_after_ms=_wait_ms(count, now))


def ending(count: Counted) -> AtCapacity:
    """Return the notice to a session whose quota is about to end; it is no refusal yet."""
    return AtCapacity(ENDING, f"Your quota is nearly used up: {_named(count)}. The session ends with it.")


def too_many(count: Counted) -> AtCapacity:
    """Return the refusal of a tenant that has as many sessions as it may have at once."""
    limit = count.line.limit
    message = f"You have as many sessions at once as your quota allows, {limit}, on all gateways together."
    return AtCapacity(TOO_MANY, message, retry_after_ms=jittered(_RETRY_MS))


def unavailable() -> StageFailed:
    """Return the refusal where the quota cannot be looked up, and what this gateway may grant by itself is used up."""
    rpcs.refused("gateway", UNAVAILABLE)
    message = "Your quota cannot be looked up at the moment. Sessions that run go on."
    return StageFailed(UNAVAILABLE, message, retry_after_ms=jittered(_RETRY_MS))


def _named(count: Counted) -> str:
    line = count.line
    amount = line.limit / UNITS[line.dimension]
    until = datetime.fromtimestamp(count.window.ends, UTC)
    return f"{amount:g} {line.dimension.replace('_', ' ')} a {line.period}, until {until:%Y-%m-%dT%H:%M:%SZ}"


def _wait_ms(count: Counted, now: float) -> int:
    return max(1, min(_MOST_RETRY_MS, math.ceil(1000 * (count.window.ends - now)))) + jittered(200)
