"""Typed text: what came of the open segment, and how it becomes a transcript."""

from __future__ import annotations

from services.common.errors import InvalidArgument
from services.gateway.values.speech import Transcript

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # what some editors begin a file with: it is no text


def without_byte_order_marks(text: str) -> str:
    """A text without byte order marks, wherever files that were put together have left them."""
    return text.replace(_BOM, "")


class TypedSegment:
    """The open text segment. Its last word may still be growing, all before it is concluded."""

    def __init__(self, max_length: int, revision: int = 0) -> None:
        self._text = ""
        self._max_length = max_length
        self._revision = revision  # the newest one the client has, of a segment that is typed again

    @property
    def empty(self) -> bool:
        """Whether the open text segment holds no text."""
        return not self._text.strip()

    def extend(self, text: str) -> None:
        """Appends a chunk. Raises InvalidArgument when the segment would get too long."""
        text = without_byte_order_marks(text)
        if len(self._text) + len(text) > self._max_length:
            message = "The open text segment would get too long: mark chunks final."
            raise InvalidArgument("TEXT_TOO_LONG", message, "text.text", [f"{self._max_length} code points a segment"])
        self._text += text

    def transcript(self, segment_id: int, final: bool, offset_samples: int = 0) -> Transcript:
        """The segment as it stands, at an offset on the session's audio clock; a final one empties it."""
        text = self._text.strip()
        concluded = len(text) if final or self._text[-1:].isspace() else text.rfind(" ") + 1
        self._revision += 1
        at = (offset_samples, offset_samples)
        said = Transcript(segment_id, self._revision, final, text, concluded, *at, typed=True)
        if final:
            self._text, self._revision = "", 0
        return said
