"""A view that finds out whether a session recognized any words."""

from __future__ import annotations

from typing import Self

from babelmesh.client.events import AsrResult, Event


class Heard:
    """A view that records whether any word has been recognized."""

    def __init__(self) -> None:
        self.words = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending: audio alone is no word."""

    def take(self, event: Event, at_ms: float) -> None:
        """Look for words in a final transcript."""
        if isinstance(event, AsrResult) and event.final:
            self.words = self.words or any(character.isalnum() for character in event.text)

    def note(self, line: str) -> None:
        """Ignore notices about the connection."""
