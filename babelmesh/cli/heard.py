"""Whether a session recognized anything."""

from __future__ import annotations

from typing import Self

from babelmesh.client.events import AsrResult, Event


class Heard:
    """A view that knows whether a word has been recognized."""

    def __init__(self) -> None:
        self.words = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def heard(self, audio_ms: float) -> None:
        """Audio alone is no word."""

    def take(self, event: Event, at_ms: float) -> None:
        """Looks for words in a transcript."""
        if isinstance(event, AsrResult) and event.final:
            self.words = self.words or any(character.isalnum() for character in event.text)

    def note(self, line: str) -> None:
        """What became of the connection is no word."""
