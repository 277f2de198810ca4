"""What a session leaves of one language: its speech and its subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from babelmesh.cli.subtitles import Cue


@dataclass(frozen=True, slots=True)
class LanguageTrack:
    """A language of a recording."""

    lang: str
    voice: Path | None  # its speech, on the recording's own time; None: there is none, or it is the one that was spoken
    cues: Sequence[Cue] = field(default=(), repr=False)
