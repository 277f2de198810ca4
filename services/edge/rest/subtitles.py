"""Finals of a clip as SubRip and WebVTT. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LEAST_MS = 500  # that a cue is shown


@dataclass(frozen=True, slots=True)
class Line:
    """A final text, and the time of its speech in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


def srt(lines: Sequence[Line]) -> str:
    """Format lines as SubRip, which has no escapes: what would be markup is replaced by its likeness."""
    blocks = [f"{number}\n{_span(line, ',')}\n{_plain(line.text)}\n" for number, line in enumerate(lines, 1)]
    return "\n".join(blocks)


def vtt(lines: Sequence[Line]) -> str:
    """Format lines as WebVTT."""
    blocks = [f"{_span(line, '.')}\n{_escaped(_flat(line.text))}\n" for line in lines]
    return "\n".join(["WEBVTT\n", *blocks])


def _span(line: Line, decimal: str) -> str:
    end_ms = max(line.end_ms, line.start_ms + _LEAST_MS)
    return f"{_time(line.start_ms, decimal)} --> {_time(end_ms, decimal)}"


def _time(offset_ms: int, decimal: str) -> str:
    seconds, ms = divmod(max(0, offset_ms), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{decimal}{ms:03}"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    return _flat(text).replace("-->", "->").replace("<", "(").replace("{", "(")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
