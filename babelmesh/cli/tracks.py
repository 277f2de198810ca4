"""The output of a session in one language: speech and subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from babelmesh.cli.subtitles import Cue


@dataclass(frozen=True, slots=True)
class LanguageTrack:
    """One language of a translated recording: its speech file, if any, and its subtitles."""

    lang: str
    voice: Path | None  # its speech, on the recording's own time; None: there is none, or it is the one that was spoken
    cues: Sequence[Cue] = field(default=(), repr=False)
