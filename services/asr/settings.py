"""Settings of the recognition stage: `ASR_*`, an engine's own as `ASR_EMBEDDED__*` and `ASR_SCRIPTED__*`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.engines import riva
from services.common.engines.simulation import DeviceSettings
from services.common.neural import settings
from services.common.neural.settings import NeuralSettings
from services.common.server.slots import reserve
from services.common.settings import StageSettings
from services.common.text.languages import written

SCRIPT = (
    "the quick brown fox jumps over the lazy dog while five wizards pack my box with a dozen jugs of water "
    "and a small voice asks how vexingly quick the daft zebras are"
)


class EmbeddedSettings(BaseModel):
    """Settings of the pocketsphinx engine (`ASR_EMBEDDED__*`)."""

    model_config = ConfigDict(extra="forbid")

    warm: int = Field(2, ge=0, description="Child programs kept ready; more start when sessions come, up to the slots.")
    hypothesis_ms: int = Field(
        100,
        ge=20,
        le=2000,
        description="Milliseconds of speech between two hypotheses; up to four times as many when behind.",
    )
    reply_seconds: float = Field(10.0, gt=0, description="A child that takes longer to answer is replaced.")
    second_pass: bool = Field(
        True, description="Search each segment again when it ends, long or short: better finals, later."
    )


class ScriptedSettings(DeviceSettings):
    """Settings of the scripted engine, which makes up words from the amount of loud audio (`ASR_SCRIPTED__*`)."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(SCRIPT, min_length=1, description="The words it hears, again from the first after the last.")
    languages: list[str] = Field(["en-US", "es-ES"], min_length=1, description="Languages it claims.")
    word_ms: int = Field(300, ge=20, description="Milliseconds of speech that make a word.")
    tentative: bool = Field(True, description="Whether the last word of an interim hypothesis is wrong at first.")
    mishears: dict[str, str] = Field({}, description="What it hears instead of some words, unless they are terms.")
    fail_after_ms: int = Field(0, ge=0, description="Milliseconds of speech after which a session fails; 0: never.")
    hang_after_ms: int = Field(0, ge=0, description="Milliseconds of speech after which a session hangs; 0: never.")
    texts: dict[str, str] = Field({}, description="By language: words it hears instead of `text`.")
    spoken: list[str] = Field([], description="Languages spoken in turn, of `languages`: it then tells them apart.")
    spoken_ms: int = Field(5_000, ge=100, description="Milliseconds of the session's clock that each is spoken.")
    sure_ms: int = Field(0, ge=0, description="Milliseconds of an utterance before which it is unsure of its language.")
    share: float = Field(1.0, ge=0, le=1, description="How likely any of the allowed languages is, to it.")


class IdentificationSettings(BaseModel):
    """Settings for identifying the language of each utterance, where a session allows several.

    See docs/adr/0052-the-recognizer-identifies-each-utterance.md.
    """

    model_config = ConfigDict(extra="forbid")

    first_ms: int = Field(1_800, ge=300, le=10_000, description="Milliseconds of an utterance before the first look.")
    looks: int = Field(
        3, ge=1, le=5, description="Looks before an utterance ends, each at 1.6 times the audio of the one before."
    )
    sure: float = Field(0.97, ge=0.5, le=1, description="Confidence that decides at once.")
    least: float = Field(
        0.55, ge=0, le=1, description="Confidence below which the session's default language is kept in the end."
    )
    spoken: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Probability, among all languages the engine tells apart, below which an utterance is not spoken.",
    )
    per_minute: int = Field(60, ge=1, le=600, description="Looks a minute of audio that a session has on the average.")


class RivaEndpointing(BaseModel):
    """Riva's own rules for ending an utterance inside a segment; a rule left unset is as the server's model has it.

    Segments end where the stage's own gate decides: utterances of Riva's within one are joined.
    """

    model_config = ConfigDict(extra="forbid")

    start_history_ms: int | None = Field(None, ge=1, description="Window in which an utterance's start is looked for.")
    start_threshold: float | None = Field(None, ge=0, le=1, description="Part of it that has to be speech.")
    stop_history_ms: int | None = Field(None, ge=1, description="Window in which its end is looked for.")
    stop_threshold: float | None = Field(None, ge=0, le=1, description="Part of it that has to be silence.")
    stop_history_eou_ms: int | None = Field(None, ge=1, description="Shorter window, for a stable interim result.")
    stop_threshold_eou: float | None = Field(None, ge=0, le=1, description="Part of it that has to be silence.")


class RivaSettings(riva.RivaSettings):
    """Settings of the Riva engine (`ASR_RIVA__*`)."""

    languages: list[str] = Field([], description="Languages to serve; none: those the server tells of.")
    lead_ms: int = Field(
        1_000,
        ge=100,
        le=10_000,
        description="Milliseconds of audio sent ahead of real time, or of what Riva is through.",
    )
    boost: float = Field(
        10.0, ge=0, le=100, description="How much a session's terms are favoured; 0: they are not, and none are taken."
    )
    punctuation: bool = Field(
        False, description="Riva writes capitals and marks. For models that do so in interim results, too."
    )
    verbatim: bool = Field(True, description="Words as said; false: Riva writes numbers and dates in figures.")
    profanity_filter: bool = Field(False, description="Riva masks profanities.")
    trust_stability: bool = Field(
        False, description="Conclude the words Riva calls stable, and no others. For models that tell a stability."
    )
    endpointing: RivaEndpointing = Field(default_factory=RivaEndpointing)

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, languages: list[str]) -> list[str]:
        for tag in languages:
            if not written(tag):
                raise ValueError(f"{tag!r} is no tag of a language")
        return languages


class OnnxSettings(NeuralSettings):
    """Settings of the ONNX engine (`ASR_ONNX__*`); docs/engines/asr-onnx.md explains them."""

    decoding: Literal["greedy", "beam"] = Field(
        "greedy", description="How tokens are searched. beam: several hypotheses, and glossary terms are heard; slower."
    )
    beam: int = Field(4, ge=2, le=32, description="Hypotheses kept of a segment, with beam.")
    hotword_score: float = Field(
        0.5, ge=0, le=10, description="What a character of a glossary term adds to a hypothesis' score, with beam."
    )
    hotword_margin: float = Field(
        4.0, ge=0, le=20, description="A token so much less likely than the best is not helped by a term (logarithm)."
    )
    max_batch: int = Field(16, ge=1, le=256, description="Most sessions whose steps are computed together.")
    wait_ms: float = Field(10.0, ge=0, le=100, description="Longest a step waits for others while the device is idle.")
    tail_ms: int = Field(
        200, ge=0, le=2_000, description="Silence put behind a segment's audio for what the model emits late."
    )
    reply_seconds: float = Field(20.0, gt=0, description="A step that takes longer never comes: the stage restarts.")


class SherpaSettings(NeuralSettings):
    """Settings of the sherpa engine (`ASR_SHERPA__*`); docs/engines/asr-sherpa.md explains them."""

    decoding: Literal["greedy", "beam"] = Field(
        "greedy", description="How a transducer's tokens are searched. beam: glossary terms are heard; slower."
    )
    beam: int = Field(4, ge=2, le=32, description="Hypotheses kept of a segment, with beam.")
    hotword_score: float = Field(
        1.5, ge=0, le=5, description="What a token of a glossary term adds to a hypothesis' score, with beam."
    )
    hypothesis_ms: int = Field(
        500,
        ge=100,
        le=5_000,
        description="Milliseconds of speech between two hypotheses of a model that hears whole segments.",
    )
    max_batch: int = Field(16, ge=1, le=256, description="Most sessions whose steps are computed together.")
    wait_ms: float = Field(0.0, ge=0, le=100, description="Longest a step waits for others while the device is idle.")
    tail_ms: int = Field(
        200, ge=0, le=2_000, description="Silence put behind a segment's audio for what a model emits late."
    )
    reply_seconds: float = Field(20.0, gt=0, description="A step that takes longer never comes: the stage restarts.")


class MoonshineSettings(NeuralSettings):
    """Settings of the Moonshine engine (`ASR_MOONSHINE__*`); docs/engines/asr-moonshine.md explains them."""

    hypothesis_ms: int = Field(
        400, ge=100, le=5_000, description="Milliseconds of speech between two hypotheses; up to four times as many."
    )
    window_ms: int = Field(
        3_000, ge=1_000, le=30_000, description="A window as long as this is cut at the next pause of the speaker."
    )
    pause_ms: int = Field(200, ge=60, le=2_000, description="Milliseconds of quiet that are such a pause.")
    after_ms: int = Field(300, ge=0, le=2_000, description="Milliseconds of speech behind it before the cut is made.")
    max_window_ms: int = Field(
        15_500, ge=2_000, le=30_000, description="Longest window: it is cut where it is quietest, or a final in parts."
    )
    tail_ms: int = Field(0, ge=0, le=2_000, description="Silence put behind a segment's audio for its final.")
    max_batch: int = Field(16, ge=1, le=256, description="Most sessions whose windows are computed together.")
    wait_ms: float = Field(0.0, ge=0, le=100, description="Longest a window waits for others while the device is idle.")
    reply_seconds: float = Field(20.0, gt=0, description="A window that takes longer never comes: the stage restarts.")


class Ctranslate2Settings(settings.Ctranslate2Settings):
    """Settings of the CTranslate2 engine (`ASR_CTRANSLATE2__*`); docs/engines/asr-ctranslate2.md explains them."""

    hypothesis_ms: int = Field(
        500,
        ge=100,
        le=5_000,
        description="Least milliseconds of speech between two hypotheses; more where they take long.",
    )
    tail_ms: int = Field(
        2_000, ge=0, le=30_000, description="Silence put behind a window, without which the model loses its end."
    )
    max_batch: int = Field(4, ge=1, le=64, description="Most windows of several sessions that are decoded together.")
    wait_ms: float = Field(0.0, ge=0, le=100, description="Longest a window waits for others while the device is idle.")
    idle_minutes: float = Field(
        10.0, ge=0, description="A model that no session has used for so long leaves memory; 0: it stays."
    )
    reply_seconds: float = Field(30.0, gt=0, description="A window that takes longer never comes: the stage restarts.")


class AsrSettings(StageSettings):
    """Settings of the recognition stage, read from `ASR_*` in the environment."""

    model_config = SettingsConfigDict(env_prefix="ASR_", env_nested_delimiter="__")

    reserved_slots: int | None = Field(
        None, ge=0, description="Slots kept free for sessions that resume; unset: one in eight, of more than eight."
    )
    measured_slots: bool = Field(
        True, description="Whether no more slots are offered than this machine carries, as is measured at start."
    )
    vad: Literal["silero", "energy"] = Field("silero", description="What tells speech from silence.")
    trailing_silence_ms: int = Field(500, ge=100, le=5_000, description="Most silence that ends a segment.")
    least_silence_ms: int = Field(
        300, ge=100, le=5_000, description="Silence asked for even of a speaker with short pauses. As the other: fixed."
    )
    max_segment_ms: int = Field(15_000, ge=1_000, le=60_000, description="Longest segment.")
    pre_roll_ms: int = Field(300, ge=0, le=1_000, description="Audio before the VAD's onset given to the engine.")
    agreement: int = Field(
        0, ge=0, le=10, description="Successive hypotheses that must agree on a word. 0: as it suits the engine."
    )
    backlog_ms: int = Field(1_000, ge=100, description="Audio taken in ahead of the engine.")
    unfed_seconds: float = Field(
        60.0,
        ge=0,
        description="A recognition that is sent nothing for so long is ended: nobody owns it. 0: never.",
    )
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    scripted: ScriptedSettings = Field(default_factory=ScriptedSettings)
    identification: IdentificationSettings = Field(default_factory=IdentificationSettings)
    riva: RivaSettings = Field(default_factory=RivaSettings)
    onnx: OnnxSettings = Field(default_factory=OnnxSettings)
    sherpa: SherpaSettings = Field(default_factory=SherpaSettings)
    moonshine: MoonshineSettings = Field(default_factory=MoonshineSettings)
    ctranslate2: Ctranslate2Settings = Field(default_factory=Ctranslate2Settings)

    @property
    def reserve(self) -> int:
        """Number of slots that a new session may not take, kept free for sessions that resume."""
        return reserve(self.slots, self.reserved_slots)

    @model_validator(mode="after")
    def _some_slots_for_new_sessions(self) -> Self:
        if self.reserve >= self.slots:
            raise ValueError(f"reserved_slots: {self.reserve} of {self.slots} slots leave none for new sessions")
        return self
