"""What is said in a session, heard, written and spoken; offsets are samples on the session's audio clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from services.common.audio.pcm import ASR_RATE, Pcm
from services.gateway.values.terms import TargetTerms

SAMPLES_PER_MS = ASR_RATE // 1000
AHEAD_SAMPLES = 2 * ASR_RATE  # a player may buffer so much before it sends; what is further ahead is a recording


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a session stands on its two clocks."""

    accepted_samples: int  # the offset up to which audio was taken in
    now_samples: int  # the session's clock, which starts with the first audio and runs with real time
    recorded: bool = False  # the audio came faster before, and only we have held it up since

    @property
    def live(self) -> bool:
        """Whether the audio comes as it is spoken; else it is a recording, sent faster."""
        return not self.recorded and self.accepted_samples - self.now_samples <= AHEAD_SAMPLES

    def heard_at(self, source_samples: int) -> int:
        """When a translation sent now is heard: now; that of a recording, where its source was spoken."""
        return self.now_samples if self.live else source_samples

    def since(self, source_samples: int) -> int:
        """How long ago source speech up to an offset was spoken."""
        return max(0, self.accepted_samples - source_samples) if self.live else 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a clause is spoken, and how long it may pause."""

    speaking_rate: float  # relative to the voice's own
    longest_pause_ms: int = 0  # within the clause; 0: as the voice makes it


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of speech: mono, 16 kHz."""

    pcm: Pcm
    offset_samples: int  # of the first sample, on the session's audio clock

    @property
    def end_samples(self) -> int:
        """The offset behind the last sample of the audio."""
        return self.offset_samples + len(self.pcm)


@dataclass(frozen=True, slots=True)
class MissingAudio:
    """A part of the audio clock for which no audio came."""

    from_samples: int
    to_samples: int
    filled: bool = False  # something was made up for it: the segment goes on
    corrupt: bool = False  # something came that could not be decoded


@dataclass(frozen=True, slots=True)
class Typed:
    """Text that continues the open text segment."""

    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """Ends the open segment where it stands."""


@dataclass(frozen=True, slots=True)
class Ping:
    """To be echoed once all before it has been dealt with."""

    marker: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Speech that was not sent yet is dropped, in one language or, with an empty tag, in all."""

    lang: str


@dataclass(frozen=True, slots=True)
class SetTargets:
    """Sets the targets of the session from now on."""

    targets: tuple[TargetTerms, ...]


Input: TypeAlias = Audio | MissingAudio | Typed | Commit | Ping | Interrupt | SetTargets


@dataclass(slots=True, eq=False)
class Mark:
    """A ping on its way through the session: each target passes it on, and the last one sends the echo."""

    text: str
    left: int = 0  # targets that have not passed it on


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word; offsets in samples on the session's audio clock."""

    text: str
    start_samples: int
    end_samples: int
    confidence: float | None  # 0 to 1; None: the recognizer tells none


@dataclass(frozen=True, slots=True)
class Transcript:
    """One revision of a segment's source text; offsets in samples on the session's audio clock."""

    segment_id: int
    revision: int
    final: bool
    text: str
    stable_length: int  # so many code points of the text are concluded
    start_samples: int = 0
    end_samples: int = 0
    typed: bool = False  # nobody spoke it: it takes no time on the audio clock
    confidence: float | None = None  # 0 to 1; None: the recognizer tells none
    stability: float | None = None  # of an interim one, 0 to 1; None: the recognizer tells none
    corrected: bool = False
    language: str = ""  # that is spoken, one of the session's; empty: its default
    language_confidence: float | None = None  # 0 to 1; None: it was not identified
    language_tentative: bool = False  # it may turn out to be another one, and nothing is concluded
    language_unsure: bool = False  # it is final, but nobody should speak what may be in another one
    words: tuple[Word, ...] = field(default=(), repr=False)
    tier: str = ""  # that recognized it; empty where the recognizer has one alone
    larger_tiers: int = 0  # so many there are, which it did not get
    tokens: int | None = None  # that the recognizer decoded a final to; None: it counts none

    @property
    def stable_text(self) -> str:
        """What of the text can be translated: all of a final, the concluded part of an interim."""
        return self.text if self.final else self.text[: self.stable_length].rstrip()


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Word that the speaker started or stopped."""

    started: bool
    offset_samples: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the recognizer has got on the audio clock."""

    processed_samples: int  # all audio before it has been through the engine, or waits for more audio
    finalized_samples: int  # all audio before it is in a final transcript or held no speech


@dataclass(frozen=True, slots=True)
class Caption:
    """One revision of a segment's translation: concluded text, then tentative text."""

    text: str
    stable_length: int
    final: bool = False
    retranslation: str = field(default="", repr=False)  # of a final that does not begin with what was concluded


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of translated speech on its way to the client; fields as in the contract's `TtsChunk`."""

    data: bytes
    format: str
    sample_rate: int
    samples: int  # that the piece stands for
    segment_id: int
    target_lang: str
    offset_ms: int
    text: str
    last: bool
    speaking_rate: float
    lag_ms: int | None  # None: nobody waits for it
    typed: bool  # whether its source was typed


def milliseconds(samples: int) -> int:
    """An offset on the audio clock in milliseconds."""
    return samples * 1000 // ASR_RATE


def samples(milliseconds: int) -> int:
    """An offset on the audio clock in samples."""
    return milliseconds * ASR_RATE // 1000


@dataclass(slots=True)
class Rung:
    """The tier of an utterance, or of a segment's translation: empty until the stage has told it, then kept to."""

    tier: str = ""
    larger: int = 0  # so many larger tiers there are, which it did not get

    def took(self, tier: str, larger: int) -> None:
        """Take note of what the stage told with its answer."""
        self.tier, self.larger = tier, larger


@dataclass(frozen=True, slots=True)
class Steps:
    """When each step of one segment and target was done, in milliseconds on the session's clock; None: it was not."""

    captured_ms: int
    received_ms: int
    recognized_ms: int
    translated_ms: int | None = None
    first_audio_ms: int | None = None
    sent_ms: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """A marker on its way through the recognizer. Its echo says that all before it is through."""

    number: int
    at_samples: int  # the end of the audio before it
    mark: Mark | None = None  # None: it is our own question


Said: TypeAlias = Audio | Commit | Mark


Kept: TypeAlias = Audio | Commit | Marked


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the spans of a segment belong: the trace that the recognizer is sent."""

    segment_id: int
    traceparent: str


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is rather heard from the next segment on, instead of what was said so before."""

    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A recognizer's result: a revision of a segment's transcript."""

    transcript: Transcript
    finalized_samples: int  # of a final: audio before it need not be heard again; 0: the recognizer does not tell


@dataclass(frozen=True, slots=True)
class Echo:
    """A marker that came back from the recognizer."""

    number: int


Asked: TypeAlias = Kept | Trace | Phrases


Answer: TypeAlias = Result | SourceEvent | Progress | Echo


Heard: TypeAlias = Transcript | SourceEvent | Progress | Mark
