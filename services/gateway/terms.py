"""The values a session works with: what was agreed with the client, and what is said about its speech."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from services.common.audio.pcm import ASR_RATE
from services.gateway.budget import Objectives
from services.gateway.glossary import Glossary
from services.gateway.overload import Policy
from services.gateway.voicing import Choice


@dataclass(frozen=True, slots=True)
class Sound:
    """How audio is encoded."""

    format: str  # "pcm16le", "mulaw", "opus" or "flac"
    sample_rate: int  # samples per second


@dataclass(frozen=True, slots=True)
class TargetTerms:
    """What was agreed for one target language."""

    lang: str  # as the translator calls it
    spoken_lang: str  # the source language, as the translator calls it
    captions: bool
    speech: bool
    voice: str = ""  # as the synthesizer calls it
    voice_lang: str = ""
    speaking_rate: float = 1.0
    same_language: int = 0  # as the contract numbers it; not 0: the transcript is its translation
    max_lag_ms: int = 0  # speech further behind the speaker is left out
    lag_asked: bool = False  # whether the client asked for it
    voice_asked: bool = False  # whether the client asked for that voice
    why: Choice = field(default_factory=Choice)  # of the voice
    by_source: tuple[tuple[str, TargetTerms], ...] = ()  # where several languages may be spoken; the default's first

    def of(self, source_lang: str) -> TargetTerms:
        """The terms for an utterance in one of the source languages; an empty tag means the default."""
        if not self.by_source:
            return self
        return dict(self.by_source).get(source_lang, self.by_source[0][1])


@dataclass(frozen=True, slots=True)
class Holding:
    """How long text is held back before it is concluded: one point between early and unchanging."""

    policy: str  # as the gateway's setting names it
    held_words: int  # last words of a translation that are never concluded before its final
    masked_words: int  # last words of a translation that are not shown before they are concluded
    first_words: int = 0  # shown all the same while no word of the segment is concluded


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed for a session."""

    session_id: str
    source_lang: str  # as the recognizer calls it; as the translator does, where it is not recognized
    targets: tuple[TargetTerms, ...]
    interim: bool  # whether the client wants results that are not final
    stabilization: int  # as the contract numbers it
    holding: Holding  # what that means
    output_rate: int  # of the speech sent, samples per second
    trailing_silence_ms: int
    least_silence_ms: int  # what the recognizer may come down to with a speaker of short pauses; 0: as it sees fit
    max_segment_ms: int
    latency_budget_ms: int = 0  # 0: none
    interim_timeout_ms: int = 0  # of a call to translate what is not final; 0: as of any
    ease_ms: int = 2000  # how far behind a voice may be before it speaks faster
    objectives: Objectives = field(default_factory=Objectives)  # of the stages, which choose among their models by it
    batch_wait_ms: int | None = None  # how long a call may wait for others; None: as the stage is set
    consecutive: bool = False  # voices speak only while the speaker is silent
    stage_outage_ms: int = 30_000  # how long a stage that is away is waited for once the source has ended
    overload: Policy = Policy.BLOCK  # what gives way when the mesh cannot keep up
    recognized: bool = True  # whether the source language is; else it can be typed alone
    input: Sound | None = None  # None: text, or the first chunk tells
    wideband: bool = False  # whether the recognizer needs audio of 16 kHz to hear well
    heartbeat_ms: int = 0  # the longest silence of the server; 0: any
    glossary: Glossary = field(default_factory=Glossary)  # at the start: the client may set another one
    source_langs: tuple[str, ...] = ()  # where several may be spoken: all of them, `source_lang` first

    @property
    def spoken_langs(self) -> tuple[str, ...]:
        """The source languages, one or several."""
        return self.source_langs or (self.source_lang,)

    @property
    def too_narrow(self) -> bool:
        """Whether the recognizer needs audio of a higher rate than the session's input has."""
        return self.wideband and self.input is not None and self.input.sample_rate < ASR_RATE

    @property
    def affinity(self) -> int:
        """What its calls to the stages have in common, before and after it is resumed."""
        return affinity(self.session_id)


def affinity(name: str) -> int:
    """A number for the calls that one version of a model should answer, from a name they share: never 0."""
    return 1 + int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) // 2


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word; offsets in samples on the session's audio clock."""

    text: str
    start_samples: int
    end_samples: int
    confidence: float


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
    confidence: float = 0.0
    stability: float = 0.0
    corrected: bool = False
    language: str = ""  # that is spoken, one of the session's; empty: its default
    language_confidence: float = 0.0
    language_tentative: bool = False  # it may turn out to be another one, and nothing is concluded
    words: tuple[Word, ...] = field(default=(), repr=False)
    tier: str = ""  # that recognized it; empty where the recognizer has one alone
    larger_tiers: int = 0  # so many there are, which it did not get

    @property
    def typed(self) -> bool:
        """Whether nobody spoke it: it takes no time on the audio clock."""
        return self.start_samples == self.end_samples

    @property
    def in_language(self) -> str:
        """What is shown of it: the text and, where there is some, its language and whether that is decided."""
        return f"{self.language}{'?' * self.language_tentative} {self.text}" if self.text else ""

    @property
    def stable_text(self) -> str:
        """What of the text can be translated: all of a final, the concluded part of an interim."""
        return self.text if self.final else self.text[: self.stable_length].rstrip()


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """The speaker started or stopped."""

    started: bool
    offset_samples: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the recognizer has got."""

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
    sample_rate: int
    segment_id: int
    target_lang: str
    offset_ms: int
    text: str
    last: bool
    speaking_rate: float
    lag_ms: int


def milliseconds(samples: int) -> int:
    """An offset on the audio clock in milliseconds."""
    return samples * 1000 // ASR_RATE


def samples(milliseconds: int) -> int:
    """An offset on the audio clock in samples."""
    return milliseconds * ASR_RATE // 1000
