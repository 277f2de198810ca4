"""What the stages can do, what they are asked, and what their replicas tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from services.common.states import State
from services.common.text import languages
from services.common.text.terminology import Term
from services.gateway.values.speech import Pace, Rung
from services.gateway.values.terms import Sounds, TargetTerms


@dataclass(frozen=True, slots=True)
class StageEngine:
    """The engine of a stage, and its version."""

    stage: str  # "ASR", "MT" or "TTS"
    name: str
    version: str
    follows_glossary: bool = False
    device: str = ""  # what it computes on


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the translator's way from one language into another."""

    source: str
    target: str
    engine: str


@dataclass(frozen=True, slots=True)
class Way:
    """A pair, and the steps in which it is translated."""

    source: str
    target: str
    steps: tuple[Step, ...] = ()
    formalities: tuple[int, ...] = ()  # registers that its translations can be put into, as the contract numbers them


@dataclass(frozen=True, slots=True)
class CatalogVoice:
    """A voice that the synthesizer offers."""

    name: str
    lang: str
    engine: str = ""
    neural: bool = False
    real_time_factor: float = 0.0  # seconds computed for one of its speech; 0: not measured
    slow: bool = False  # too slow there to be a default
    default_langs: tuple[str, ...] = ()  # whose default the synthesizer's settings say it is

    def chosen_for(self, *langs: str | None) -> bool:
        """Whether settings say that it is the default of one of some languages."""
        return any(lang in self.default_langs for lang in langs)

    @property
    def keeps_pace(self) -> bool:
        """Whether it is neural, and fast enough."""
        return self.neural and not self.slow


@dataclass(frozen=True, slots=True)
class Catalog:
    """Languages, pairs and voices, under the names the engines use."""

    source_langs: tuple[str, ...]
    ways: tuple[Way, ...]  # of the pairs, as the translator calls them
    all_voices: tuple[CatalogVoice, ...]  # the default of each language first
    engines: tuple[StageEngine, ...]
    wideband_langs: tuple[str, ...] = ()  # those of the source languages that are recognized badly in audio of 8 kHz
    voice_pace: float = 0.0  # the highest real-time factor of a neural voice that is a default
    identified: tuple[str, ...] = ()  # of the source languages, those that the recognizer tells apart

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Source and target of each pair that is translated."""
        return [(way.source, way.target) for way in self.ways]

    def knows(self, stage: str) -> bool:
        """Whether the stage has told what it can do."""
        return any(engine.stage == stage for engine in self.engines)

    def of(self, engine: StageEngine) -> Self:
        """The same with this engine for that of its stage, whose languages are still those of the one before."""
        others = [other for other in self.engines if other.stage != engine.stage]
        return replace(self, engines=tuple(sorted([*others, engine], key=lambda each: each.stage)))

    def target_langs(self, source: str) -> list[str]:
        """What speech in a source language can be translated into."""
        spoken = self.spoken_lang(source)
        return sorted(target for origin, target in self.pairs if origin == spoken)

    def formalities(self, spoken: str, target: str) -> tuple[int, ...]:
        """The registers that translations of a pair can be put into, as the contract numbers them."""
        return next((way.formalities for way in self.ways if (way.source, way.target) == (spoken, target)), ())

    def require_source(self, source: str, heard: bool, path: str = "hello.source_lang") -> str:
        """A source language, as the recognizer calls it; where none is heard, what is only translated will do as well.

        Raises InvalidArgument.
        """
        known = languages.resolve(source, self.source_langs)
        origins = () if heard else (origin for origin, _ in self.pairs)
        return known or languages.require(source, [*self.source_langs, *origins], path)

    def spoken_lang(self, source: str) -> str:
        """A source language, as the translator calls it."""
        return languages.resolve(source, [origin for origin, _ in self.pairs]) or source

    def voices(self, lang: str) -> list[CatalogVoice]:
        """The voices that speak a language, its default first.

        A neural voice of any region is the default of a language that is named without one, where it keeps pace.
        """
        spoken = languages.resolve(lang, [voice.lang for voice in self.all_voices])
        exact = [voice for voice in self.all_voices if voice.lang == spoken]
        others = [voice for voice in self.all_voices if voice.lang != spoken and languages.same(voice.lang, lang)]
        found = exact + others
        told = [voice for voice in found if voice.chosen_for(lang, spoken)]
        if not told and exact and not exact[0].keeps_pace and "-" not in lang:
            told = [voice for voice in others if voice.keeps_pace]
        return told[:1] + [voice for voice in found if voice not in told[:1]]


@dataclass(frozen=True, slots=True)
class Status:
    """What a replica told of itself last."""

    state: State = State.UNKNOWN
    slots_total: int = 0
    slots_used: int = 0
    queue_seconds: float = 0.0  # how long work waits for its engine of late
    fill: float = 0.0  # share in use of what its engine can work on at once
    tiers: tuple[tuple[str, int], ...] = ()  # of a stage, from small to large, and how many sessions are on each
    turned_away: int = 0  # sessions it refused for want of a place that are about to ask again: a gateway's


@dataclass(frozen=True, slots=True)
class Seen:
    """A replica, as it is seen from here."""

    number: int  # what it is called in logs
    status: Status  # of state UNKNOWN while it is lost
    address: str = field(default="", repr=False)  # never told to anyone but the platform it is from


@dataclass(frozen=True, slots=True)
class Question:
    """What a translator is asked: a text, its languages and its terms."""

    text: str
    spoken_lang: str
    lang: str
    final: bool
    terms: tuple[Term, ...] = ()  # those of the glossary that the text holds
    prefix: str = ""  # concluded text, which a translator that can continues
    timeout_ms: int = 0  # after which the answer is of no use; 0: as of any call
    batch_wait_ms: int | None = None  # how long it may wait for others; None: as the stage is set
    objective_ms: int = 0  # within which the answer is to be there; 0: as the stage is set
    rung: Rung = field(default_factory=Rung, compare=False)  # the tier of the segment's other revisions
    affinity: int = 0  # questions with the same one are answered by the same version of a model
    formality: int = 0  # the register of the translation, as the contract numbers it; 0: as it comes
    unstored: bool = False  # whether the stage may keep nothing of it for later


@dataclass(frozen=True, slots=True)
class Translated:
    """What a translator answered, and its tokens; None where it counts none."""

    text: str
    source_tokens: int | None = None
    target_tokens: int | None = None


@dataclass(slots=True)
class Tally:
    """What a synthesizer told of a clause that it speaks: the number of its symbols; None where it counts none."""

    symbols: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What a synthesizer is asked to speak, by which voice and how."""

    text: str
    target: TargetTerms
    pace: Pace
    sounds: Sounds = ()  # words of the text with their pronunciation
    objective_ms: int = 0  # within which the first speech is to be there; 0: as the stage is set
    rung: Rung = field(default_factory=Rung, compare=False)  # the tier of the utterance's other clauses
    affinity: int = 0  # lines with the same one are spoken by the same version of a voice
    tally: Tally = field(default_factory=Tally, compare=False)  # filled while it is spoken
