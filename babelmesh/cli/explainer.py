"""The view behind `--explain`: one utterance as a timeline, on the terminal and beside the other files."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from babelmesh import console
from babelmesh.cli.captions import Languages
from babelmesh.cli.drawing import ascii_picture, svg_picture
from babelmesh.cli.explain import Explanation, Utterance
from babelmesh.cli.private import replacing, writing
from babelmesh.cli.recording import Place
from babelmesh.cli.tracks import LanguageTrack
from babelmesh.cli.views import clock
from babelmesh.client.events import Event


class Explainer:
    """A view that draws one utterance at the session's end: into NAME.explain.svg, and as text unless JSON is
    wanted.
    """

    def __init__(self, place: Place, languages: Languages, printed: bool) -> None:
        self._path = place.path("explain.svg")
        self._explanation = Explanation(languages)
        self._printed = printed
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending: it explains nothing by itself."""

    def take(self, event: Event, at_ms: float) -> None:
        """Record an event for the explanation."""
        self._explanation.take(event, at_ms)

    def note(self, line: str) -> None:
        """Ignore notices about the connection."""

    def __exit__(self, *_: object) -> None:
        utterance = self._explanation.utterance()
        if utterance is None:
            console.note("There is nothing to explain: no utterance was finished.")
            return
        with replacing(self._path) as path, writing(self._path):
            path.write_text(svg_picture(utterance), encoding="utf-8")
        self._drawn = True
        if self._printed:
            _print(utterance)

    def tracks(self) -> list[LanguageTrack]:
        """Return no tracks: the picture is none."""
        return []

    def written(self) -> list[Path]:
        """Return the path of the picture, if there was an utterance to draw."""
        return [self._path] if self._drawn else []


def _print(utterance: Utterance) -> None:
    console.line(f"Segment {utterance.segment_id}, {clock(utterance.start_ms)} to {clock(utterance.end_ms)}")
    console.line('"|" is when the words beside it came; they stand left of it where there is no room on the right.')
    for line in [*ascii_picture(utterance, console.out.width), "", *utterance.summary()]:
        console.line(line)
