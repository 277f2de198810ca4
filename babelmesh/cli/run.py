"""Runs one session from its source to its views."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from babelmesh.cli.captions import Languages
from babelmesh.cli.views import View
from babelmesh.client.audio import duration_ms
from babelmesh.client.events import Ready, SessionConfig
from babelmesh.client.mesh import Mesh
from babelmesh.client.session import Chunk, Source


@dataclass(frozen=True, slots=True)
class Job:
    """A session to run: source, configuration and views. Source and views are made once the session is open."""

    config: SessionConfig
    source: Callable[[Ready], Source]
    views: Callable[[Languages], Sequence[View]]


async def run(mesh: Mesh, job: Job) -> None:
    """Run a session to its end. Raises SessionFailed, or the source's own error, after the views have been closed."""
    told: list[View] = []

    def notice(line: str) -> None:
        for view in told:
            view.note(line)

    async with mesh.session(config=job.config, notice=notice) as session:
        asked = [target.lang for target in job.config.targets]
        spoken = job.config.source_lang or "+".join(job.config.source_langs)
        languages = Languages.agreed(spoken, asked, session.ready)
        with ExitStack() as watching:
            views = [watching.enter_context(view) for view in job.views(languages)]
            told += views
            for line in [*voices(session.ready, languages), *warnings(session.ready, languages)]:
                notice(line)
            source = Told(job.source(session.ready), views)
            for view in views:
                view.take(session.ready, 0)
            async for event in session.translate(source):
                at_ms = source.at_ms()
                for view in views:
                    view.take(event, at_ms)


def voices(ready: Ready, languages: Languages) -> list[str]:
    """Return a line per target with the voice that speaks it, and the reason where the server gives one."""
    return [
        f"{languages.label(each.target_lang)}: {each.voice} ({each.engine}), {each.reason}"
        for each in ready.voices
        if each.reason
    ]


def warnings(ready: Ready, languages: Languages) -> list[str]:
    """Return warnings about quality that the server knows of when the session opens."""
    if not ready.narrowband:
        return []
    spoken, rate = languages.label(ready.config.source_lang), ready.config.input.sample_rate
    return [f"Warning: {spoken} is recognized much worse at {rate} Hz than at 16000 Hz by this server's recognizer."]


class Told:
    """A source that reports its progress to the views, and derives the session's clock from it."""

    def __init__(self, source: Source, views: Sequence[View]) -> None:
        self._chunks = aiter(source)
        self._views = views
        self._started_at: float | None = None  # when the first sample was spoken
        self._heard_ms = 0.0

    def at_ms(self) -> float:
        """Return the session's clock in milliseconds, which starts with the first audio."""
        return 0 if self._started_at is None else (time.monotonic() - self._started_at) * 1000

    def __aiter__(self) -> AsyncIterator[bytes | Chunk | str]:
        return self

    async def __anext__(self) -> bytes | Chunk | str:
        for view in self._views:
            view.heard(self._heard_ms)
        chunk = await anext(self._chunks)
        length_ms = _length_ms(chunk)
        if self._started_at is None:
            self._started_at = time.monotonic() - length_ms / 1000
        self._heard_ms += length_ms
        return chunk


def _length_ms(chunk: bytes | Chunk | str) -> float:
    match chunk:
        case str():
            return 0
        case Chunk():
            return duration_ms(chunk.pcm)
        case bytes():
            return duration_ms(chunk)
