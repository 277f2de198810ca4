"""Settings of the translation stage: `MT_*`, an engine's own as `MT_EMBEDDED__*` and `MT_SCRIPTED__*`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from services.common.engines import riva
from services.common.engines.simulation import DeviceSettings
from services.common.neural import settings
from services.common.neural.settings import NeuralSettings
from services.common.settings import StageSettings


class EmbeddedSettings(BaseModel):
    """Settings of the Apertium engine (`MT_EMBEDDED__*`)."""

    model_config = ConfigDict(extra="forbid")

    modes: Path = Field(Path("/usr/share/apertium/modes"), description="Folder of the installed pairs' .mode files.")
    pipelines: int = Field(1, ge=1, le=64, description="Pipelines of a pair at most; 45 to 170 MB each, by the pair.")
    idle: int = Field(4, ge=0, le=1024, description="Pipelines of all pairs that are kept while nobody uses them.")
    warm_from: str = Field(
        "", description="Source language whose pairs start with the stage; empty: each starts with its first text."
    )
    reply_seconds: float = Field(2.0, gt=0, description="A pipeline that takes longer for a sentence is replaced.")
    start_seconds: float = Field(20.0, gt=0, description="A pipeline that takes longer to start has failed.")


class OnnxSettings(NeuralSettings):
    """Settings of the engine on ONNX Runtime (`MT_ONNX__*`)."""

    precision: Literal["auto", "fp32", "fp16", "int8"] = Field(
        "auto", description="Of the numbers; auto: fp16 on a GPU and fp32 on the CPU, or what the bundle has."
    )
    beams: int = Field(
        1, ge=0, le=16, description="Translations looked at side by side; 1: greedy, 0: as the model says."
    )
    length_penalty: float | None = Field(
        None,
        ge=-10,
        le=10,
        description="Above 0 prefers long translations, of several beams; unset: as the model says.",
    )
    rows: int = Field(32, ge=1, le=1024, description="Most beams of all texts together that are computed at once.")
    queue: int = Field(512, ge=1, le=100_000, description="Most sentences of a model that wait; more are refused.")
    longest_ratio: float = Field(
        3.0, gt=0, le=20, description="Tokens of a translation for each of its source, at most: it ends there."
    )
    patience_seconds: float = Field(30.0, gt=0, description="An answer that takes longer never comes.")


class FirefoxSettings(NeuralSettings):
    """Settings of the engine on Firefox Translations' models (`MT_FIREFOX__*`)."""

    precision: Literal["auto", "fp32", "int8"] = Field(
        "auto", description="Of the numbers; auto: int8 on the CPU, fp32 on a GPU."
    )
    shortlist: bool = Field(True, description="Whether a translation is made of the words that its source may become.")
    max_batch: int = Field(32, ge=1, le=1024, description="Most sentences of a model that are computed at once.")
    queue: int = Field(512, ge=1, le=100_000, description="Most sentences of a model that wait; more are refused.")
    longest_ratio: float = Field(
        3.0, gt=0, le=20, description="Tokens of a translation for each of its source, at most: it ends there."
    )
    patience_seconds: float = Field(30.0, gt=0, description="An answer that takes longer never comes.")


class Ctranslate2Settings(settings.Ctranslate2Settings):
    """Settings of the engine on CTranslate2 (`MT_CTRANSLATE2__*`)."""

    max_batch: int = Field(16, ge=1, le=1024, description="Most sentences of a model that are computed at once.")
    queue: int = Field(512, ge=1, le=100_000, description="Most sentences of a model that wait; more are refused.")
    longest_ratio: float = Field(
        3.0, gt=0, le=20, description="Tokens of a translation for each of its source, at most: it ends there."
    )
    patience_seconds: float = Field(60.0, gt=0, description="An answer that takes longer never comes.")


class ScriptedSettings(DeviceSettings):
    """Settings of the scripted engine, which marks every word with the target language (`MT_SCRIPTED__*`)."""

    source: str = Field("en", description="The source language of its pairs.")
    targets: list[str] = Field(["es", "fr", "de", "ca", "it", "pt"], min_length=1, description="Their targets.")
    both_ways: bool = Field(False, description="Whether it has the pairs from those into the source language, too.")
    words: dict[str, str] = Field({}, description="Its own translation of some words, for every target.")
    continues_prefix: bool = Field(False, description="Whether it continues concluded text, as if forced to.")
    slow_target: str = Field("", description="A target language whose calls take longer.")
    slow_ms: float = Field(0.0, ge=0, description="How many milliseconds longer.")
    fail_first_n: int = Field(0, ge=0, description="So many calls fail before one succeeds.")
    hang_target: str = Field("", description="A target language whose calls never return.")


class RivaSettings(riva.RivaSettings):
    """Settings of the Riva engine (`MT_RIVA__*`)."""

    max_len_variation: str = Field(
        "",
        pattern=r"^\d*$",
        description="How many tokens longer than its source a translation may be; empty: Riva's own.",
    )


class MtSettings(StageSettings):
    """Settings of the translation stage, read from `MT_*` in the environment."""

    model_config = SettingsConfigDict(env_prefix="MT_", env_nested_delimiter="__")

    slots: int = Field(64, ge=1, le=10_000, description="Calls served at once; a session makes one for each target.")
    objective_ms: int = Field(
        400, ge=50, le=60_000, description="Milliseconds within which a text is translated, unless its call tells."
    )
    max_chars: int = Field(5_000, ge=1, le=100_000, description="Longest text of a call, in characters.")
    max_terms: int = Field(1_000, ge=1, le=10_000, description="Most terms of a call: those in its text.")
    cache_entries: int = Field(
        2_000, ge=0, le=1_000_000, description="Translations kept in memory for whoever asks the same; 0: none."
    )
    cache_seconds: float = Field(
        600,
        gt=0,
        le=86_400,
        description="Seconds after which what nobody has asked again is dropped from that memory, with what was said "
        "last in each session.",
    )
    ways: dict[str, str] = Field(
        {}, description='The way of a pair, in the place of the measured one: {"en>es": "en>pt>es"}; "en>es": direct.'
    )
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    onnx: OnnxSettings = Field(default_factory=OnnxSettings)
    firefox: FirefoxSettings = Field(default_factory=FirefoxSettings)
    ctranslate2: Ctranslate2Settings = Field(default_factory=Ctranslate2Settings)
    scripted: ScriptedSettings = Field(default_factory=ScriptedSettings)
    riva: RivaSettings = Field(default_factory=RivaSettings)
