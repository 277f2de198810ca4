"""Settings of the speech synthesis stage: `TTS_*`, an engine's own as `TTS_EMBEDDED__*` and `TTS_SCRIPTED__*`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, DirectoryPath, Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.engines import riva
from services.common.engines.simulation import DeviceSettings
from services.common.neural.settings import NeuralSettings
from services.common.settings import StageSettings

LEAST_WINDOW_MS = 100


class EmbeddedSettings(BaseModel):
    """Settings of the espeak-ng engine (`TTS_EMBEDDED__*`)."""

    model_config = ConfigDict(extra="forbid")

    program: str = Field("espeak-ng", description="The program, by name or path.")
    variants: list[str] = Field(["f3", "m3"], description="Variants each voice is listed with: f3 makes es+f3 of es.")
    words_per_minute: int = Field(175, ge=80, le=220, description="What a speaking rate of 1.0 is.")
    reply_seconds: float = Field(3.0, gt=0, description="A clause whose next piece takes longer has failed.")


class OnnxSettings(NeuralSettings):
    """Settings of the engine on VITS voices (`TTS_ONNX__*`)."""

    program: str = Field("espeak-ng", description="espeak-ng, by name or path: it tells the phonemes of a text.")
    reply_seconds: float = Field(3.0, gt=0, description="espeak-ng that takes longer about a clause has failed.")
    answer_seconds: float = Field(10.0, gt=0, description="A network that takes longer about a window is stuck.")
    sample_rate_hertz: int = Field(
        0, ge=0, le=48_000, description="Of all voices, resampled; 0: the highest of theirs."
    )
    noise: float | None = Field(None, ge=0, le=2, description="How lively voices speak; unset: as each says itself.")
    duration_noise: float | None = Field(None, ge=0, le=2, description="How lively their rhythm is; unset: likewise.")
    first_ms: int = Field(250, ge=50, le=5_000, description="Milliseconds of speech that are made and sent first.")
    window_ms: int = Field(1_000, ge=50, le=10_000, description="Most milliseconds of speech made at once later.")
    batch_items: int = Field(0, ge=0, le=256, description="Most computed at once; 0: 16 on a GPU, 1 on a CPU.")
    batch_wait_ms: float = Field(5.0, ge=0, le=100, description="Longest that a batch waits for more.")


class KokoroSettings(NeuralSettings):
    """Settings of the engine on Kokoro (`TTS_KOKORO__*`)."""

    program: str = Field("espeak-ng", description="espeak-ng, by name or path: it writes the phonemes of a text.")
    reply_seconds: float = Field(3.0, gt=0, description="espeak-ng that takes longer about a clause has failed.")
    answer_seconds: float = Field(60.0, gt=0, description="A window that is not there after so long never comes.")
    first_ms: int = Field(
        500,
        ge=100,
        le=10_000,
        description="Most milliseconds of speech made and sent first; fewer where the rest is still made in time.",
    )
    budget_ms: int = Field(
        150, ge=0, le=10_000, description="Milliseconds to make it in: it is shorter where that takes longer."
    )
    window_ms: int = Field(
        2_000,
        ge=0,
        le=10_000,
        description="Most milliseconds of speech made at once later; 0: sentences are made whole.",
    )

    @field_validator("window_ms")
    @classmethod
    def _whole_or_long_enough(cls, value: int) -> int:
        if 0 < value < LEAST_WINDOW_MS:
            raise ValueError(f"0, or {LEAST_WINDOW_MS} to 10000")
        return value


class ScriptedSettings(DeviceSettings):
    """Settings of the scripted engine, which emits a tone as long as the text (`TTS_SCRIPTED__*`)."""

    languages: list[str] = Field(["es", "fr", "de", "ca", "it", "pt", "en-US"], min_length=1, description="Languages.")
    voices: int = Field(2, ge=1, le=20, description="Voices of each language: es-1, es-2, each of its own pitch.")
    sample_rate_hertz: int = Field(16_000, ge=8_000, le=48_000, description="Samples per second.")
    char_ms: int = Field(60, ge=1, description="Milliseconds of tone for a character of text.")
    piece_ms: int = Field(100, ge=10, le=1_000, description="Milliseconds of tone in a piece.")
    slow_language: str = Field("", description="A language whose calls take longer to begin.")
    slow_ms: float = Field(0.0, ge=0, description="How many milliseconds longer.")
    fail_first_n: int = Field(0, ge=0, description="So many calls fail before one succeeds.")
    hang_language: str = Field("", description="A language whose calls never say anything.")


class RivaSettings(riva.RivaSettings):
    """Settings of the Riva engine (`TTS_RIVA__*`)."""

    sample_rate_hertz: int = Field(22_050, ge=8_000, le=48_000, description="Samples per second Riva is asked for.")
    rate: Literal["stretch", "ssml"] = Field(
        "stretch", description="Who speaks faster or slower: the stage, whatever the model, or Riva, told in SSML."
    )
    pronunciations: Literal["dictionary", "ssml", "none"] = Field(
        "dictionary", description="How Riva is told pronunciations; none: the model takes none, so neither do we."
    )
    symbols: list[str] = Field(
        [], description="IPA symbols the model knows; none named: those of the IPA chart, which no model knows all of."
    )


class TtsSettings(StageSettings):
    """Settings of the speech synthesis stage, read from `TTS_*` in the environment."""

    model_config = SettingsConfigDict(env_prefix="TTS_", env_nested_delimiter="__")

    slots: int = Field(64, ge=1, le=10_000, description="Calls served at once; a session makes one for each target.")
    objective_ms: int = Field(
        1_000, ge=50, le=60_000, description="Milliseconds until a clause's first speech, unless its call tells."
    )
    max_chars: int = Field(1_000, ge=1, le=10_000, description="Longest clause, in characters.")
    pace: float | None = Field(
        None,
        ge=0,
        description="Highest real-time factor, measured at start, of a neural voice that is a language's default; "
        "unset: an eighth of the number of cores, at most 0.5.",
    )
    unread_seconds: float = Field(
        60.0,
        ge=0,
        description="A clause of which nothing is read for so long is ended: nobody owns it. 0: never.",
    )
    personal_voices: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Voices of people, with commas between: they speak only with a record of consent."
    )
    consents: DirectoryPath | None = Field(
        None, description="Folder of records of consent, VOICE.json each, looked up at each use; none: no consent."
    )
    default_voices: dict[str, str] = Field({}, description="Default voices by language, measured or not.")
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    onnx: OnnxSettings = Field(default_factory=OnnxSettings)
    kokoro: KokoroSettings = Field(default_factory=KokoroSettings)
    scripted: ScriptedSettings = Field(default_factory=ScriptedSettings)
    riva: RivaSettings = Field(default_factory=RivaSettings)

    @field_validator("personal_voices", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("personal_voices")
    @classmethod
    def _require_file_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for voice in value:
            if "/" in voice or voice.startswith("."):
                raise ValueError(f"{voice!r} is no voice's name that a file could have")
        return value
