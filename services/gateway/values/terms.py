"""What was agreed with a client for its session."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

from services.common.audio.pcm import ASR_RATE
from services.common.text.terminology import Use

RATES = range(8_000, 48_001)  # samples per second
FORMATS = ("pcm16le", "mulaw", "opus", "flac")
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
OUTPUT_FORMATS = ("pcm16le", "opus")
ByLanguage: TypeAlias = tuple[tuple[str, str], ...]
Sounds: TypeAlias = tuple[tuple[str, str], ...]


class OverloadPolicy(IntEnum):
    """What gives way when the mesh cannot keep up, as was agreed and as the contract numbers it."""

    BLOCK = 1  # nothing gives way: the stream is held
    CAPTIONS_ONLY = 2  # speech
    SKIP_AHEAD = 3  # and then audio


@dataclass(frozen=True, slots=True)
class Objectives:
    """Within how many milliseconds each stage is to answer an utterance; 0: as the stage is set."""

    asr_ms: int = 0
    mt_ms: int = 0
    tts_ms: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What a client is told of the voice that was chosen for it."""

    engine: str = ""
    real_time_factor: float = 0.0  # 0: not measured
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A term of a glossary: its translations and pronunciations, by BCP-47 tag in order."""

    source: str
    translations: ByLanguage = ()  # a language not among them keeps the term as it is
    pronunciations: ByLanguage = ()  # IPA


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms whose translation or pronunciation is fixed."""

    entries: tuple[Entry, ...] = ()
    name: str = ""  # of the kept glossary among them
    version: str = field(init=False)  # a digest of what it says, whatever the order; empty when it says nothing

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", _digest(self.entries))

    def over(self, kept: Glossary) -> Glossary:
        """This one and a kept one; where both have a term, this one's counts."""
        if not kept.entries:
            return Glossary(self.entries, kept.name) if kept.name else self
        own = {entry.source.casefold() for entry in self.entries}
        rest = tuple(entry for entry in kept.entries if entry.source.casefold() not in own)
        return Glossary(self.entries + rest, kept.name)


@dataclass(frozen=True, slots=True)
class Uses:
    """What became of a glossary's terms in one translation."""

    version: str = ""
    terms: tuple[Use, ...] = ()


def _digest(entries: Iterable[Entry]) -> str:
    said = sorted(json.dumps(_as_json(entry)) for entry in entries)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16] if said else ""


def _as_json(entry: Entry) -> dict[str, object]:
    return {"source": entry.source, "translations": entry.translations, "pronunciations": entry.pronunciations}


@dataclass(frozen=True, slots=True)
class Sound:
    """How audio is encoded: its format and its rate."""

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
    formality: int = 0  # the register of its translations, as the contract numbers it; 0: as they come
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
class Masks:
    """What of the source text is hidden, from whom, and how the rest is written."""

    kinds: tuple[str, ...] = ()  # of personal data, as the contract names them
    profanity: int = 0  # the least grade that is masked, as the contract numbers it; 0: none
    stored_only: bool = False  # people see the text as it was said; only what is kept is masked
    punctuation: bool = True
    casing: bool = True
    regions: tuple[str, ...] = ()  # whose telephone numbers are known, beside those of the language

    @property
    def any(self) -> bool:
        """Whether a source text may differ from what was said."""
        return bool(self.kinds or self.profanity) or not (self.punctuation and self.casing)

    @property
    def shown(self) -> Masks:
        """The masks of what people get: those of what is kept alone leave it as it was said."""
        return replace(self, kinds=(), profanity=0) if self.stored_only else self


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with the client for its session."""

    session_id: str
    source_lang: str  # as the recognizer calls it; as the translator does, where it is not recognized
    targets: tuple[TargetTerms, ...]
    interim: bool  # whether the client wants results that are not final
    stabilization: int  # as the contract numbers it
    holding: Holding  # what that means
    output: Sound  # of the speech sent: "pcm16le" or "opus"
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
    overload: OverloadPolicy = OverloadPolicy.BLOCK  # what gives way when the mesh cannot keep up
    recognized: bool = True  # whether the source language is; else it can be typed alone
    input: Sound | None = None  # None: text, or the first chunk tells
    wideband: bool = False  # whether the recognizer needs audio of 16 kHz to hear well
    heartbeat_ms: int = 0  # the longest silence of the server; 0: any
    glossary: Glossary = field(default_factory=Glossary)  # at the start: the client may set another one
    source_langs: tuple[str, ...] = ()  # where several may be spoken: all of them, `source_lang` first
    masks: Masks = field(default_factory=Masks)
    affinity: int = field(init=False, default=0)  # what its calls to the stages have in common, also once resumed

    def __post_init__(self) -> None:
        object.__setattr__(self, "affinity", affinity(self.session_id))

    @property
    def spoken_langs(self) -> tuple[str, ...]:
        """The source languages, one or several."""
        return self.source_langs or (self.source_lang,)

    @property
    def too_narrow(self) -> bool:
        """Whether the recognizer needs audio of a higher rate than the session's input has."""
        return self.wideband and self.input is not None and self.input.sample_rate < ASR_RATE


def affinity(name: str) -> int:
    """A number for the calls that one version of a model should answer, from a name they share: never 0."""
    return 1 + int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) // 2
