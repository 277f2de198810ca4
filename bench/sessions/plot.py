"""The curve of quality over lag, as an SVG: one point an arm.

python -m bench.sessions.plot [bench/out/quality.json] [docs/policy.svg] [--to es]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

from bench.measuring.report import OUT

WIDTH, HEIGHT, MARGIN = 640, 400, 56
OURS = ("fast", "balanced", "aggressive")  # joined by a line: one policy at three points
SAME_LAG, SAME_CHRF = 0.1, 0.1
LAG = "StreamLAAL computation-aware"


@dataclass(frozen=True, slots=True)
class Point:
    """One arm."""

    name: str
    lag: float  # seconds, median
    chrf: float


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels."""

    least: float
    most: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.least) / (self.most - self.least) * (self.end - self.start)


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, nargs="?", default=OUT / "quality.json")
    parser.add_argument("picture", type=Path, nargs="?", default=Path("docs/policy.svg"))
    parser.add_argument("--to", default="es")
    options = parser.parse_args()
    options.picture.write_text(picture(points(json.loads(options.measured.read_text()), options.to)), encoding="utf-8")


def points(measured: dict[str, dict[str, list[dict[str, str | float]]]], lang: str) -> list[Point]:
    """The arms of a measurement that `bench.sessions.quality` left; a budget is one of ours by another name."""
    quality = {row["arm"]: row["chrF"] for row in measured["tables"]["Quality"] if row["to"] == lang}
    lags = measured["tables"]["Latency, seconds"]
    return [
        Point(str(row["arm"]), float(row["p50"]), float(quality[row["arm"]]))
        for row in lags
        if row["to"] == lang and row["measure"] == LAG and not str(row["arm"]).startswith("budget")
    ]


def picture(arms: Sequence[Point]) -> str:
    """An SVG document."""
    across = Scale(0, 1.08 * max(arm.lag for arm in arms), MARGIN, WIDTH - 16)
    low, high = min(arm.chrf for arm in arms), max(arm.chrf for arm in arms)
    room = max(1.0, 0.15 * (high - low))
    up = Scale(low - room, high + room, HEIGHT - MARGIN, 16)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        "<style>text { font-size: 13px }</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_axes(across, up),
        _line([arm for name in OURS for arm in arms if arm.name == name], across, up),
    ]
    for arm in together(arms):
        x, y = across.at(arm.lag), up.at(arm.chrf)
        colour = "#0b7285" if arm.name.split(",")[0] in OURS else "#868e96"
        anchor = "end" if x > WIDTH - 120 else "start"
        shift = -9 if anchor == "end" else 9
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{x + shift:.1f}" y="{y - 7:.1f}" text-anchor="{anchor}">{escape(arm.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def together(arms: Sequence[Point]) -> list[Point]:
    """The arms, those that could not be told apart in the picture as one."""
    shown: list[Point] = []
    for arm in arms:
        same = [each for each in shown if abs(each.lag - arm.lag) < SAME_LAG and abs(each.chrf - arm.chrf) < SAME_CHRF]
        if same:
            shown[shown.index(same[0])] = replace(same[0], name=f"{same[0].name}, {arm.name}")
        else:
            shown.append(arm)
    return shown


def _axes(across: Scale, up: Scale) -> list[str]:
    bottom, left = HEIGHT - MARGIN, MARGIN
    parts = [f'<path d="M{left} 16 V{bottom} H{WIDTH - 16}" fill="none" stroke="#495057"/>']
    for value in _steps(across):
        x = across.at(value)
        parts.append(f'<path d="M{x:.1f} {bottom} v5" stroke="#495057"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{value:g}</text>')
    for value in _steps(up):
        y = up.at(value)
        parts.append(f'<path d="M{left - 5} {y:.1f} h5" stroke="#495057"/>')
        parts.append(f'<text x="{left - 9}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    middle = (left + WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{LAG}, seconds (median)</text>')
    parts.append(
        f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})" text-anchor="middle">chrF</text>'
    )
    return parts


def _steps(scale: Scale) -> list[float]:
    size = next(step for step in (0.5, 1, 2, 5, 10, 20, 50) if (scale.most - scale.least) / step <= 10)
    first = -int(-scale.least // size)
    return [number * size for number in range(first, int(scale.most // size) + 1)]


def _line(arms: Sequence[Point], across: Scale, up: Scale) -> str:
    path = " ".join(f"{across.at(arm.lag):.1f},{up.at(arm.chrf):.1f}" for arm in arms)
    return f'<polyline points="{path}" fill="none" stroke="#0b7285"/>'


if __name__ == "__main__":
    main()
