"""Reads a voice's files: Piper's `voice.onnx.json`, or the configs of an MMS export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from services.common.neural.bundles import Bundle, fault
from services.tts.neural.spelling import BEGIN, END, PAD, Characters, Symbols

LAYOUTS = ("piper", "mms")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Scales:
    """A voice's scales: noise, length and noise of durations."""

    noise: float  # of the latent
    length: float  # of durations
    duration_noise: float


@dataclass(frozen=True, slots=True)
class Described:
    """A voice as its files describe it: symbols, sampling rate, scales and speakers."""

    model: Path
    symbols: Symbols | Characters
    espeak_voice: str  # that tells its phonemes; empty: its symbols are the text's characters
    sample_rate_hertz: int
    scales: Scales
    speakers: Mapping[str, int]  # by name; none: it has one


class _Audio(BaseModel):
    sample_rate: int = Field(ge=8_000, le=48_000)


class _Espeak(BaseModel):
    voice: str = Field("", pattern="^[A-Za-z0-9+_-]*$")


class _Inference(BaseModel):
    noise_scale: float = 0.667
    length_scale: float = Field(1.0, gt=0)
    noise_w: float = 0.8


class _Piper(BaseModel):
    audio: _Audio
    espeak: _Espeak = _Espeak()
    inference: _Inference = _Inference()
    phoneme_type: str = "espeak"
    phoneme_id_map: dict[str, tuple[int, ...]]
    num_speakers: int = 1
    speaker_id_map: dict[str, int] = {}


class _Mms(BaseModel):
    sampling_rate: int = Field(16_000, ge=8_000, le=48_000)
    noise_scale: float = 0.667
    noise_scale_duration: float = 0.8
    num_speakers: int = 1


class _MmsTokenizer(BaseModel):
    add_blank: bool = True
    normalize: bool = True
    phonemize: bool = True
    is_uroman: bool = False
    language: str | None = None


def described(bundle: Bundle) -> Described:
    """Read a bundle's description of its voice. Raises InvalidArgument for missing files, or an unsupported voice."""
    return _piper(bundle) if bundle.manifest.layout == "piper" else _mms(bundle)


def _piper(bundle: Bundle) -> Described:
    told = _read(bundle, "voice.onnx.json", _Piper)
    if told.phoneme_type not in ("espeak", "text"):
        raise fault(bundle.folder, f"Its phonemes are of the type {told.phoneme_type!r}; known are espeak and text.")
    if told.phoneme_type == "espeak" and not told.espeak.voice:
        raise fault(bundle.folder, "voice.onnx.json names no voice of espeak-ng.")
    if missing := {PAD, BEGIN, END} - told.phoneme_id_map.keys():
        raise fault(bundle.folder, f"The phoneme_id_map of voice.onnx.json lacks {' and '.join(sorted(missing))}.")
    speakers: Mapping[str, int] = {}
    if told.num_speakers > 1:
        speakers = told.speaker_id_map or {str(number): number for number in range(told.num_speakers)}
    return Described(
        model=bundle.file("voice.onnx"),
        symbols=Symbols(told.phoneme_id_map),
        espeak_voice=told.espeak.voice if told.phoneme_type == "espeak" else "",
        sample_rate_hertz=told.audio.sample_rate,
        scales=Scales(told.inference.noise_scale, told.inference.length_scale, told.inference.noise_w),
        speakers=speakers,
    )


def _mms(bundle: Bundle) -> Described:
    told = _read(bundle, "config.json", _Mms)
    tokenizer = _read(bundle, "tokenizer_config.json", _MmsTokenizer)
    if tokenizer.phonemize or tokenizer.is_uroman:
        how = "phonemes" if tokenizer.phonemize else "a Latin transcription (uroman)"
        raise fault(bundle.folder, f"It reads {how}; of MMS voices those are known that read characters.")
    if told.num_speakers > 1:
        raise fault(bundle.folder, "It has several speakers, which an MMS export does not let one choose of.")
    vocab = _read(bundle, "vocab.json", create_model("Vocab", __config__=ConfigDict(extra="allow")))
    ids = {str(key): int(value) for key, value in (vocab.model_extra or {}).items()}
    replaced = {"ț": "ţ"} if tokenizer.language == "ron" else {}
    return Described(
        model=bundle.file("model.onnx"),
        symbols=Characters(ids, tokenizer.add_blank, tokenizer.normalize, replaced),
        espeak_voice="",
        sample_rate_hertz=told.sampling_rate,
        scales=Scales(told.noise_scale, 1.0, told.noise_scale_duration),
        speakers={},
    )


def _read(bundle: Bundle, name: str, model: type[M]) -> M:
    try:
        return model.model_validate_json(bundle.file(name).read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise fault(bundle.folder, f"{name} is wrong at {where or 'its start'}: {first['msg']}.") from error
