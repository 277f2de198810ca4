"""Which interim results tell a client anything: not those that say what the one before said, or nothing yet. Pure."""

from __future__ import annotations

from collections.abc import Hashable


class News:
    """What was shown last of each thing that is not final yet."""

    def __init__(self) -> None:
        self._shown: dict[Hashable, tuple[str, int]] = {}

    def tells(self, about: Hashable, text: str, stable_length: int) -> bool:
        """Whether an interim result is to be shown: its text, or how much of it is concluded, is another than before.

        An empty text is shown only where it takes back one that was not.
        """
        shown = (text, stable_length)
        if shown == self._shown.get(about, ("", 0)):
            return False
        self._shown[about] = shown
        return True

    def ended(self, about: Hashable) -> None:
        """Its final has been sent."""
        self._shown.pop(about, None)
