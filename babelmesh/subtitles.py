"""Subtitles from final captions: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from babelmesh.captions import Caption

LINE_LENGTH = 42  # customary for subtitles: two lines of 42 characters
CUE_LINES = 2
SHORTEST_MS = 1000  # a cue stays this long where the next one leaves room


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once, and when."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(captions: Sequence[Caption]) -> str:
    """The finals among `captions` as SubRip."""
    blocks = []
    for number, cue in enumerate(cues(captions), 1):
        span = f"{timestamp(cue.start_ms, ',')} --> {timestamp(cue.end_ms, ',')}"
        blocks.append("\n".join((str(number), span, *cue.lines, "")))
    return "\n".join(blocks)


def vtt(captions: Sequence[Caption]) -> str:
    """The finals among `captions` as WebVTT."""
    blocks = ["WEBVTT\n"]
    for cue in cues(captions):
        span = f"{timestamp(cue.start_ms, '.')} --> {timestamp(cue.end_ms, '.')}"
        blocks.append("\n".join((span, *(_escaped(line) for line in cue.lines), "")))
    return "\n".join(blocks)


def cues(captions: Sequence[Caption]) -> list[Cue]:
    """Cues in order and without overlap; a long caption becomes several that share its time by their length."""
    found = [cue for caption in captions if caption.final for cue in _split(caption)]
    placed: list[Cue] = []
    for index, cue in enumerate(found):
        start_ms = max([cue.start_ms, *(before.end_ms for before in placed[-1:])])
        room_ms = min([start_ms + SHORTEST_MS, *(after.start_ms for after in found[index + 1 : index + 2])])
        placed.append(Cue(start_ms, max(cue.end_ms, room_ms, start_ms + 1), cue.lines))
    return placed


def timestamp(offset_ms: int, decimal: str) -> str:
    """HH:MM:SS and three decimals."""
    seconds, ms = divmod(offset_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{decimal}{ms:03}"


def _split(caption: Caption) -> list[Cue]:
    lines = _even_lines(" ".join(caption.text.split()))
    groups = [tuple(lines[i : i + CUE_LINES]) for i in range(0, len(lines), CUE_LINES)]
    length = sum(len(line) for line in lines)
    shares, shown = [], 0
    for group in groups:
        start_ms = caption.start_ms + (caption.end_ms - caption.start_ms) * shown // length
        shown += sum(len(line) for line in group)
        end_ms = caption.start_ms + (caption.end_ms - caption.start_ms) * shown // length
        shares.append(Cue(start_ms, end_ms, group))
    return shares


def _even_lines(text: str) -> list[str]:
    """As few lines as fit, and those of like length: no cue with one left-over word."""
    lines = textwrap.wrap(text, LINE_LENGTH)
    for width in range(LINE_LENGTH - 1, 0, -1):
        narrower = textwrap.wrap(text, width)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
