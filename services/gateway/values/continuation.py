"""Where a resumed session goes on: what its client has of it, and what the handle it resumes with said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.gateway.values.speech import Transcript


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a session: all before it has been delivered in every language."""

    offset_samples: int = 0  # on the session's audio clock; no audio before it is needed again
    next_segment_id: int = 1  # the first segment behind it
    voices: Mapping[str, int] = field(
        default_factory=dict
    )  # by language: its speech so far, in samples at the output rate
    clock_ms: int = 0  # what the session's clock showed


@dataclass(frozen=True, slots=True)
class SegmentContinuation:
    """What a client has of one segment in one language."""

    text: str  # the concluded part of its translation; all of it when final
    final: bool
    revision: int  # of the newest translation it has; the next one is higher
    spoken: str  # the clauses spoken to their end, or left out by name, with a space between
    speaking: str  # the clause of which only a part was spoken
    speaking_samples: int  # how much of that, at the output rate


@dataclass(frozen=True, slots=True)
class TargetContinuation:
    """Where one target language of a resumed session goes on."""

    voice_samples: int = 0  # on the target's own clock, at the output rate
    voice_speaking: bool = False  # whether the client was told that the voice started, and not that it ended
    segments: Mapping[int, SegmentContinuation] = field(default_factory=dict)

    def finished(self, segment_id: int, speech: bool) -> bool:
        """Whether a client has all of a segment, its speech included where that is wanted."""
        has = self.segments.get(segment_id)
        return has is not None and has.final and (not speech or has.spoken.split() == has.text.split())

    def left_out(self, segment_id: int) -> TargetContinuation:
        """The same, with a segment ended by what the client has of it: nothing more is made for it."""
        has = self.segments.get(segment_id, SegmentContinuation("", True, 0, "", "", 0))
        ended = replace(has, final=True, spoken=has.text, speaking="", speaking_samples=0)
        return replace(self, segments={**self.segments, segment_id: ended})


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a session goes on. Offsets are on its audio clock."""

    session_id: str
    epoch: int  # counts the calls of one session: higher than that of the handle it resumes with
    start_samples: int  # no audio before it is needed again
    next_segment_id: int  # the number of the open segment, or of the next one
    open_transcript: Transcript | None  # the open segment's newest: its concluded part stands
    transcripts: tuple[Transcript, ...]  # final ones the client has: to be translated and spoken where that is missing
    targets: Mapping[str, TargetContinuation]  # by language
    clock_ms: int  # what the session's clock showed when the client resumed
    open_typed: Transcript | None = None  # the open segment of typed text, whose text the client sends again
    unnamed_segment_id: int = (
        0  # a segment of which speech alone came, so none knows if it was spoken or typed; 0: none
    )
    spoken_segment_id: int = 0  # the open segment of speech, of which its client may have no text; 0: none
    last_segment_id: int = 0  # the highest number in use
    position: Position = field(default_factory=Position)  # of the handle: what is known to be delivered
    age_ms: int = 0  # how long ago the session began
    fatal: bool = False  # whether servers have ended over what is unfinished, so that it is not made again

    @property
    def resumed(self) -> bool:
        """Whether the session goes on from another call."""
        return self.epoch > 0


def beginning(session_id: str) -> Continuation:
    """Where a new session goes on: at its beginning."""
    return Continuation(session_id, 0, 0, 1, None, (), {}, 0)


@dataclass(frozen=True, slots=True)
class Bond:
    """What a handle is bound to: a session, its configuration and its tenant."""

    session_id: str
    epoch: int  # counts the calls of the session
    config: str  # digest of what of the hello may not change
    tenant: str  # digest of who may resume it
    born: float = 0.0  # when the session began, in seconds of the wall clock
