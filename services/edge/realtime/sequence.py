"""The client's numbers of its inputs: which repeat, and which was the last that a result was made from. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MOST_KEPT = 4096  # inputs of which no result has come; of more, neighbours become one


@dataclass(slots=True)
class Sequence:
    """The numbers of a connection's inputs."""

    last: int = 0  # the newest input's
    audio: deque[tuple[int, float]] = field(default_factory=deque)  # number and end in milliseconds, rising
    typed: deque[int] = field(default_factory=deque)  # of the texts that ended a segment which has no final yet
    used: int = 0  # of the newest audio that a result was made from

    def next(self, given: int | None) -> int | None:
        """Return an input's number, its own or the next one; None for a repeat."""
        if given is None:
            self.last += 1
            return self.last
        if given <= self.last:
            return None
        self.last = given
        return given

    def heard(self, number: int, end_ms: float) -> None:
        """Record that an input's audio reaches up to an offset."""
        self.audio.append((number, end_ms))
        if len(self.audio) > MOST_KEPT:
            del self.audio[0]

    def closed(self, number: int) -> None:
        """Record that a typed segment ends with an input."""
        self.typed.append(number)
        if len(self.typed) > MOST_KEPT:
            del self.typed[0]

    def of_audio(self, end_ms: float) -> int:
        """Return the number of the last input of audio before an offset."""
        found = self.used
        for number, reaches in self.audio:
            found = number
            if reaches >= end_ms:
                break
        return found or self.last

    def done(self, offset_ms: float) -> int:
        """Forget the audio before an offset, and return the number of the last input of it."""
        while self.audio and self.audio[0][1] <= offset_ms:
            self.used = self.audio.popleft()[0]
        return self.used

    def of_text(self, final: bool) -> int:
        """Return the number of the last text of a typed segment: the one that closed it, once its final has come."""
        if not self.typed:
            return self.last
        return self.typed.popleft() if final else self.typed[0]
