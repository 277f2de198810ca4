"""Quota classes, read from a file, and the windows of time that quotas count in. Pure.

The file is JSON: by name of the class, sessions at once, and for each of the other dimensions a number for each period.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from services.gateway.tokens.claims import NAME
from services.gateway.tokens.grants import DEFAULT_CLASS

SESSIONS, AUDIO, CHARACTERS, VOICE = "sessions", "audio_minutes", "characters", "voice_minutes"
MINUTE_MS = 60_000
UNITS = {AUDIO: MINUTE_MS, VOICE: MINUTE_MS, CHARACTERS: 1}  # what is counted, for each that a file names
PERIODS = ("minute", "day", "month")
_NOW = "now"  # the period of what is held, and not used up


class QuotasUnusable(Exception):
    """A file of quotas cannot be used; the message says where."""


@dataclass(frozen=True, slots=True)
class Line:
    """One limit: of a dimension, within a period."""

    dimension: str
    period: str
    limit: int  # sessions, milliseconds or code points

    @property
    def held(self) -> bool:
        """Whether it limits what is held at once, rather than what is used up."""
        return self.period == _NOW


Lines: TypeAlias = tuple[Line, ...]
Classes: TypeAlias = Mapping[str, Lines]  # by name


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the calendar (UTC) in which a line counts; `ends` in seconds of the wall clock."""

    name: str
    begins: float
    ends: float


def window(period: str, now: float) -> Window:
    """Return the window of a period that a moment is in."""
    if period == _NOW:
        return Window(_NOW, 0.0, math.inf)
    at = datetime.fromtimestamp(now, UTC)
    if period == "minute":
        begins = at.replace(second=0, microsecond=0)
        ends = begins + timedelta(minutes=1)
    elif period == "day":
        begins = at.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = begins + timedelta(days=1)
    else:
        begins = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        ends = (begins + timedelta(days=32)).replace(day=1)
    return Window(f"{period}:{begins:%Y%m%dT%H%M}", begins.timestamp(), ends.timestamp())


def lines_of(lines: Lines, dimension: str) -> Lines:
    """Return the limits of one dimension."""
    return tuple(each for each in lines if each.dimension == dimension)


def read_classes(text: str) -> Classes:
    """Read the classes of a file; one named "default" has to be among them. Raises QuotasUnusable."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise QuotasUnusable("It is no JSON.") from None
    if not isinstance(told, dict) or DEFAULT_CLASS not in told:
        raise QuotasUnusable(f"It holds no object with a class {DEFAULT_CLASS!r}.")
    return {name: _lines(name, limits) for name, limits in told.items()}


def _lines(name: str, limits: Any) -> Lines:
    if not NAME.fullmatch(name) or not isinstance(limits, dict):
        raise QuotasUnusable(f"{name[:64]!r} is no name of a class, or has no limits.")
    found = []
    for dimension, value in limits.items():
        if dimension == SESSIONS:
            found.append(Line(SESSIONS, _NOW, _amount(value, 1, f"{name}.{dimension}")))
        elif dimension in UNITS and isinstance(value, dict) and value and not value.keys() - set(PERIODS):
            for period, amount in value.items():
                limit = _amount(amount, UNITS[dimension], f"{name}.{dimension}.{period}")
                found.append(Line(dimension, period, limit))
        else:
            accepted = f"{SESSIONS}, or {', '.join(UNITS)} with {', '.join(PERIODS)}"
            raise QuotasUnusable(f"{name}.{str(dimension)[:64]} is not one of {accepted}.")
    return tuple(found)


def _amount(value: Any, unit: int, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e12:
        raise QuotasUnusable(f"{path} is no number from 0 on.")
    return round(value * unit)
