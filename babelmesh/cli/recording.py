"""Writes a session's files: speech, subtitles and events, readable by the user alone (see `private`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from babelmesh.cli import subtitles
from babelmesh.cli.captions import Captions, Languages
from babelmesh.cli.private import private_folder, replacing, writing
from babelmesh.cli.timeline import Timeline
from babelmesh.cli.tracks import LanguageTrack
from babelmesh.client.events import Event, TtsChunk, event_json
from babelmesh.client.printable import printable_lines


@dataclass(frozen=True, slots=True)
class Place:
    """The folder and name of a session's files, and the timing of its speech."""

    folder: Path
    name: str
    live: bool  # speech lies where it was heard; else where its segment was spoken

    def path(self, ending: str) -> Path:
        """Return the path `folder/name.ending`."""
        return self.folder / f"{self.name}.{ending}"


class Recording:
    """A view that writes a session's NAME.LANG.wav, .srt, .vtt and NAME.json.

    A session cut short leaves the speech and events that had come, and subtitles of all that was concluded.
    """

    def __init__(self, place: Place, languages: Languages) -> None:
        self._place = place
        self._languages = languages
        self._captions = Captions(languages)
        self._timelines: dict[str, Timeline] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        private_folder(self._place.folder)
        self._events = self._open.enter_context(_EventFile.at(self._place.path("json")))
        return self

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending: source audio is not written."""

    def take(self, event: Event, at_ms: float) -> None:
        """Record an event that came at a moment of the session's clock. Raises OutputUnwritable."""
        self._captions.take(event)
        with writing(self._place.path("json")):
            self._events.add(event, at_ms)
        if isinstance(event, TtsChunk):
            lang = self._languages.label(event.target_lang)
            if lang not in self._timelines:
                self._timelines[lang] = self._timeline(lang, event)
            start_ms = self._captions.start_ms(event.segment_id)
            with writing(self._place.path(f"{lang}.wav")):
                self._timelines[lang].add(event, max(at_ms, start_ms) if self._place.live else start_ms)

    def note(self, line: str) -> None:
        """Ignore notices about the connection: the files stay the same."""

    def __exit__(self, *_: object) -> None:
        with self._open:
            for lang in (self._languages.source, *self._languages.targets):
                captions = self._captions.concluded(lang)
                self._write(f"{lang}.srt", subtitles.srt(captions))
                self._write(f"{lang}.vtt", subtitles.vtt(captions))

    def tracks(self) -> list[LanguageTrack]:
        """Return the session's languages as tracks, the spoken one first."""
        langs = (self._languages.source, *self._languages.targets)
        voices = {lang: self._place.path(f"{lang}.wav") for lang in self._timelines}
        return [LanguageTrack(lang, voices.get(lang), subtitles.cues(self._captions.concluded(lang))) for lang in langs]

    def written(self) -> list[Path]:
        """Return the paths of the files written, speech first."""
        langs = (self._languages.source, *self._languages.targets)
        endings = [f"{lang}.wav" for lang in self._timelines]
        endings += [f"{lang}.{kind}" for lang in langs for kind in ("srt", "vtt")]
        return [self._place.path(ending) for ending in [*endings, "json"]]

    def _timeline(self, lang: str, first: TtsChunk) -> Timeline:
        path = self._place.path(f"{lang}.wav")
        unfinished = self._open.enter_context(replacing(path))
        self._open.enter_context(writing(path))
        timeline = Timeline(unfinished, first)
        self._open.callback(timeline.close)
        return timeline

    def _write(self, ending: str, text: str) -> None:
        path = self._place.path(ending)
        with replacing(path) as unfinished, writing(path):
            unfinished.write_text(text, encoding="utf-8")


class _EventFile:
    """Writes events as a JSON array, one a line, as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._between = "[\n"

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[Self]:
        with replacing(path) as unfinished, writing(path):
            events = cls(unfinished)
            try:
                yield events
            finally:
                events.close()

    def add(self, event: Event, at_ms: float) -> None:
        self._file.write(self._between + printable_lines(json.dumps(event_json(event, at_ms), ensure_ascii=False)))
        self._between = ",\n"

    def close(self) -> None:
        try:
            self._file.write("[]\n" if self._between == "[\n" else "\n]\n")
        finally:
            self._file.close()
