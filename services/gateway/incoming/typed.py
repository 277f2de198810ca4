"""Typed text as a source: chunks extend the open segment, like words a recognizer is sure of. Pure."""

from __future__ import annotations

from services.common.errors import InvalidArgument
from services.gateway.values.continuation import Continuation
from services.gateway.values.speech import Transcript

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # what some editors begin a file with: it is no text
TYPED = "typed"  # names the open segment of typed text; those of speech have the recognizer's numbers


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
        said = Transcript(segment_id, self._revision, final, text, concluded, offset_samples, offset_samples)
        if final:
            self._text, self._revision = "", 0
        return said


class Numbering:
    """The session's own numbers, from 1 on, without gaps."""

    def __init__(self, goes_on: Continuation) -> None:
        self._last = goes_on.last_segment_id
        self._unnamed = goes_on.unnamed_segment_id  # whoever begins first has begun it; 0: none
        self._open: dict[object, int] = {}
        if spoken := goes_on.spoken_segment_id:
            self._open[spoken] = spoken
        if typed := goes_on.open_typed:
            self._open[TYPED] = typed.segment_id

    def of(self, segment: object, final: bool) -> int:
        """The number of a segment under any name of its source's; a final one's name is free again."""
        if segment not in self._open:
            self._open[segment] = self._unnamed or self._last + 1
            self._last, self._unnamed = max(self._last, self._open[segment]), 0
        return self._open.pop(segment) if final else self._open[segment]
