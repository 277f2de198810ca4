"""Subtitles from final captions: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from babelmesh.cli.captions import Caption

LINE_LENGTH = 42  # customary for subtitles: two lines of 42 characters
CUE_LINES = 2
SHORTEST_MS = 1000  # a cue stays this long where the next one leaves room
READ_MS = 60  # a character of text that takes no time of its own, as typed text does
JOINER = "\N{WORD JOINER}"  # not seen; what it stands in is no markup

# SubRip has no escapes: players obey tags, hide what is in braces, and read times anywhere.
_MARKUP = re.compile(r"<(?=[/\w])|--(?=>)|:(?=\d\d:\d\d[,.]\d)")
_UNBRACED = str.maketrans("{}", "()")


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text shown together, and their time span."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(captions: Sequence[Caption]) -> str:
    """Format the finals among `captions` as SubRip."""
    blocks = []
    for number, cue in enumerate(cues(captions), 1):
        span = f"{timestamp(cue.start_ms, ',')} --> {timestamp(cue.end_ms, ',')}"
        blocks.append("\n".join((str(number), span, *(_unmarked(line) for line in cue.lines), "")))
    return "\n".join(blocks)


def vtt(captions: Sequence[Caption]) -> str:
    """Format the finals among `captions` as WebVTT."""
    blocks = ["WEBVTT\n"]
    for cue in cues(captions):
        span = f"{timestamp(cue.start_ms, '.')} --> {timestamp(cue.end_ms, '.')}"
        blocks.append("\n".join((span, *(_escaped(line) for line in cue.lines), "")))
    return "\n".join(blocks)


def cues(captions: Sequence[Caption]) -> list[Cue]:
    """Return cues in order and without overlap; a long caption becomes several that share its time by length.

    What has no time of its own is shown for as long as reading takes; what was spoken meanwhile comes behind it.
    """
    spoken = [_within_time(caption) for caption in captions if caption.final]
    found = sorted((cue for caption in spoken for cue in _split(caption)), key=lambda cue: cue.start_ms)
    placed: list[Cue] = []
    for cue, after in zip(found, [*found, None][1:], strict=True):
        start_ms = max([cue.start_ms, *(before.end_ms for before in placed[-1:])])
        least_ms = min(SHORTEST_MS, cue.end_ms - cue.start_ms) or _reading_ms(cue)
        end_ms = max(cue.end_ms, start_ms + SHORTEST_MS)
        if after is not None:
            end_ms = min(end_ms, after.start_ms)
        placed.append(Cue(start_ms, max(end_ms, start_ms + least_ms), cue.lines))
    return placed


def timestamp(offset_ms: int, decimal: str) -> str:
    """Format an offset as HH:MM:SS and three decimals."""
    seconds, ms = divmod(offset_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{decimal}{ms:03}"


def _within_time(caption: Caption) -> Caption:
    start_ms = max(0, caption.start_ms)
    return replace(caption, start_ms=start_ms, end_ms=max(start_ms, caption.end_ms))


def _reading_ms(cue: Cue) -> int:
    return max(SHORTEST_MS, READ_MS * sum(len(line) for line in cue.lines))


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
    """Wrap text into as few lines as fit, of similar length, so that no cue ends with a single left-over word."""
    lines = textwrap.wrap(text, LINE_LENGTH)
    for width in range(LINE_LENGTH - 1, 0, -1):
        narrower = textwrap.wrap(text, width)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unmarked(line: str) -> str:
    return _MARKUP.sub(lambda found: found[0] + JOINER, line.translate(_UNBRACED))
