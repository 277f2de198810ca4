"""Concluded text as deltas that are only ever appended, and speech in pieces of equal length. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

_UNSPACED = ("zh", "ja", "th", "lo", "km", "my", "yue", "cmn")
PIECE_MS = 200


@dataclass(slots=True)
class _Segment:
    """One segment's text: what is concluded of it, and how much of that was sent."""

    concluded: str = ""
    final: bool = False
    sent: str = ""

    def rest(self) -> str:
        """Return what was not sent yet, and count it as sent."""
        if self.concluded.startswith(self.sent):
            added = self.concluded[len(self.sent) :]
        else:  # a final that heard better: what lies behind as many words as were sent
            words = self.concluded.split(" ")[len(self.sent.split(" ")) :]
            added = " " + " ".join(words) if words and self.final else ""
        self.sent += added
        return added


@dataclass(slots=True)
class Appended:
    """The text of one language, segment behind segment: one that begins before another has ended waits for its end."""

    current: int = 0  # the segment that is being sent
    began: bool = False
    segments: dict[int, _Segment] = field(default_factory=dict)

    def delta(self, segment: int, text: str, stable_length: int, final: bool, lang: str) -> str:
        """Return what a result adds to the text that was sent; empty for nothing."""
        known = self.segments.setdefault(segment, _Segment())
        known.concluded, known.final = text if final else text[:stable_length], final
        self.current = self.current or segment
        added = ""
        while here := self.segments.get(self.current):
            begins = not here.sent
            more = here.rest()
            if more and begins and self.began and not lang.lower().startswith(_UNSPACED):
                more = " " + more
            self.began = self.began or bool(more)
            added += more
            if not here.final:
                break
            del self.segments[self.current]
            self.current += 1
        return added


@dataclass(slots=True)
class Pieces:
    """Speech of 16 bits, cut into pieces of 200 ms; what is left of a clause is a shorter one."""

    rate: int
    rest: bytes = b""

    def cut(self, pcm: bytes, last: bool) -> list[bytes]:
        """Return the pieces that are whole; with `last` what is left, too."""
        size = 2 * self.rate * PIECE_MS // 1000
        data = self.rest + pcm
        whole = len(data) if last else len(data) - len(data) % size
        self.rest = data[whole:]
        return [data[start : min(start + size, whole)] for start in range(0, whole, size)]
