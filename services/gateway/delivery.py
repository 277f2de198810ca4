"""How far everything has been delivered: what an acknowledgement may promise, and a handle may skip. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.gateway.continuation import Position
from services.gateway.terms import Transcript


@dataclass(slots=True)
class _Segment:
    from_samples: int | None  # the audio from here on is needed to make it again; typed text needs none
    voices: dict[str, int] = field(default_factory=dict)  # where each voice was when it had said all of it
    done: bool = False


class Delivery:
    """The segments that are not delivered in every language, and those behind the first of them.

    A position is a cut: segments before it are delivered, no audio before it belongs to a segment behind it. So that
    what is made again from there on has the numbers it had.
    """

    def __init__(self, position: Position, sent: Mapping[str, int]) -> None:
        self._next = position.next_segment_id
        self._finalized_samples = position.offset_samples
        self._segments: dict[int, _Segment] = {}
        self._voices = dict(position.voices)  # where each was when all before `_next` was said
        self._sent = {**position.voices, **sent}  # where each is now

    def opened(self, said: Transcript) -> None:
        """A segment's transcript is there. It needs all audio behind the last one: its onset lies before its words."""
        if said.segment_id >= self._next and said.segment_id not in self._segments:
            from_samples = None if said.typed else min(said.start_samples, self._finalized_samples)
            self._segments[said.segment_id] = _Segment(from_samples)

    def finalized(self, offset_samples: int) -> None:
        """All audio before an offset is in a final transcript or held no speech."""
        self._finalized_samples = max(self._finalized_samples, offset_samples)

    def voice_sent(self, lang: str, position_samples: int) -> None:
        """So much speech of a language has been sent."""
        self._sent[lang] = position_samples

    def voice_samples(self, lang: str) -> int:
        """How much speech of a language has been sent."""
        return self._sent.get(lang, 0)

    def said(self, segment_id: int, lang: str) -> None:
        """All of a segment has been sent in a language."""
        if segment := self._segments.get(segment_id):
            segment.voices[lang] = self.voice_samples(lang)

    def delivered(self, segment_id: int) -> None:
        """All of a segment has been sent in every language."""
        if segment := self._segments.get(segment_id):
            segment.done = True
        while (first := self._segments.get(self._next)) and first.done:
            self._voices.update({lang: at for lang, at in first.voices.items() if at})
            del self._segments[self._next]
            self._next += 1

    def position(self, clock_ms: int) -> Position:
        """Where the session can be continued with nothing lost, at a moment of its clock."""
        needed = [each.from_samples for each in self._segments.values() if each.from_samples is not None]
        return Position(min([self._finalized_samples, *needed]), self._next, dict(self._voices), clock_ms)
