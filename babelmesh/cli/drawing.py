"""Draws an utterance, as text or SVG: a lane per language and step, with each word at its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from babelmesh.cli.explain import Lane, Mark, Utterance

TICKS_MS = (200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000)
MOST_TICKS = 10
NARROWEST = 24  # columns for the time axis, whatever the terminal

SVG_WIDTH, SVG_LEFT, SVG_ROW, SVG_CHAR = 1200, 130, 20, 7.2  # pixels; a character's is that of 12 px monospace
COLOURS = {"heard": "#57606a", "concluded": "#0969da", "spoken": "#1a7f37"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A mark placed on a row of its lane: right of its moment, or left of it where there is no room."""

    mark: Mark
    row: int
    at: float  # the moment
    left: float  # where the text begins
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from milliseconds to columns or pixels."""

    start_ms: float
    end_ms: float
    width: float

    def at(self, ms: float) -> float:
        """Return the position of a moment, in columns or pixels."""
        return (ms - self.start_ms) / max(1.0, self.end_ms - self.start_ms) * self.width

    def ticks(self) -> list[float]:
        """Return round moments for a time axis, in milliseconds from the start; at most ten."""
        length_ms = self.end_ms - self.start_ms
        step = next((step for step in TICKS_MS if length_ms / step <= MOST_TICKS), TICKS_MS[-1])
        return [float(tick) for tick in range(0, int(length_ms) + 1, step)]


def placed(marks: Sequence[Mark], scale: Scale, width_of: Callable[[Mark], float], gap: float) -> list[Placed]:
    """Place each mark on the first row where it does not cover another."""
    rows: list[float] = []  # where each row is free from
    places = []
    for mark in marks:
        at, width = scale.at(mark.start_ms), width_of(mark)
        left = at if at + width <= scale.width else max(0.0, at - width)
        row = next((row for row, free in enumerate(rows) if free <= left), len(rows))
        rows[row : row + 1] = [left + width + gap]
        places.append(Placed(mark, row, at, left, width))
    return places


def ascii_picture(utterance: Utterance, width: int) -> list[str]:
    """Draw an utterance as lines of at most `width` columns; "|" marks the moment at which the words beside it came."""
    margin = max(len(_label(lane)) for lane in utterance.lanes) + 1
    columns = max(NARROWEST, width - margin - 1)
    scale = Scale(utterance.start_ms, utterance.end_ms, columns - 1)
    axis = [" "] * columns
    for tick in scale.ticks():
        label = f"{tick / 1000:g}s"
        at = min(int(scale.at(utterance.start_ms + tick)), columns - len(label))
        axis[at : at + len(label)] = label
    lines = [" " * margin + "".join(axis).rstrip()]
    for lane in utterance.lanes:
        lines += _ascii_lane(lane, scale, columns, margin)
    return lines


def _ascii_lane(lane: Lane, scale: Scale, columns: int, margin: int) -> list[str]:
    places = placed(lane.marks, scale, lambda mark: float(min(len(mark.text) + 1, columns - 1)), gap=1)
    rows = [[" "] * columns for _ in range(max((place.row for place in places), default=0) + 1)]
    for place in places:
        text = place.mark.text
        room = columns - 2
        text = text if len(text) <= room else text[: room - 2] + ".."
        before = place.left < place.at
        shown, start = (f"{text}|", round(place.left)) if before else (f"|{text}", round(place.at))
        start = max(0, min(start, columns - len(shown)))
        end = min(round(scale.at(place.mark.end_ms)), columns) if place.mark.end_ms else 0
        row = rows[place.row]
        if not before and end > start + len(shown):
            taken = next((at for at in range(start + len(shown), end) if row[at] != " "), end)
            row[start + len(shown) : taken] = "-" * (taken - start - len(shown))
        row[start : start + len(shown)] = shown
    labels = [_label(lane), *[""] * (len(rows) - 1)]
    return [f"{label:{margin}}{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)]


def svg_picture(utterance: Utterance) -> str:
    """Draw an utterance as an SVG document."""
    scale = Scale(utterance.start_ms, utterance.end_ms, SVG_WIDTH - SVG_LEFT - 20)
    top, parts = 2.5 * SVG_ROW, []
    for lane in utterance.lanes:
        places = placed(lane.marks, scale, lambda mark: (len(mark.text) + 1) * SVG_CHAR, gap=SVG_CHAR)
        parts.append(_text(8, top + 14, _label(lane), "#24292f", weight="bold"))
        parts += [_svg_mark(place, scale, top, COLOURS[lane.step]) for place in places]
        top += (max((place.row for place in places), default=0) + 1.6) * SVG_ROW
    grid = [_svg_tick(SVG_LEFT + scale.at(utterance.start_ms + tick), tick, top) for tick in scale.ticks()]
    notes = [_text(8, top + (count + 1) * SVG_ROW, line, "#57606a") for count, line in enumerate(utterance.summary())]
    height = top + (len(notes) + 1.5) * SVG_ROW
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SVG_WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {SVG_WIDTH} {height:.0f}" font-family="monospace" font-size="12">'
    )
    title = f"<title>Segment {utterance.segment_id}: when each word was heard, concluded and spoken</title>"
    return "\n".join(
        [head, title, '<rect width="100%" height="100%" fill="white"/>', *grid, *parts, *notes, "</svg>\n"]
    )


def _svg_mark(place: Placed, scale: Scale, top: float, colour: str) -> str:
    x, y = SVG_LEFT + place.at, top + place.row * SVG_ROW
    bar = ""
    if place.mark.end_ms:
        width = scale.at(place.mark.end_ms) - place.at
        bar = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="18" fill="{colour}" fill-opacity="0.15"/>'
    tick = f'<path d="M{x:.1f} {y:.1f}v18" stroke="{colour}" stroke-width="2"/>'
    anchor = "end" if place.left < place.at else "start"
    return bar + tick + _text(x + (-4 if anchor == "end" else 4), y + 13, place.mark.text, colour, anchor=anchor)


def _svg_tick(x: float, tick_ms: float, bottom: float) -> str:
    line = f'<path d="M{x:.1f} {1.6 * SVG_ROW:.1f}V{bottom:.1f}" stroke="#d0d7de"/>'
    return line + _text(x, 1.3 * SVG_ROW, f"{tick_ms / 1000:g} s", "#57606a", anchor="middle")


def _text(x: float, y: float, text: str, colour: str, **style: str) -> str:
    names = {"weight": "font-weight", "anchor": "text-anchor"}
    more = "".join(f' {names[name]}="{value}"' for name, value in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{more}>{escape(text)}</text>'


def _label(lane: Lane) -> str:
    return f"{lane.lang} {lane.step}"
