"""A dialogue in English and Spanish at one microphone, made of recorded prompts by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from bench.recognition.asr_languages import prompts
from services.common.audio.pcm import ASR_RATE, Pcm, from_bytes

LANGS = ("en", "es")
LONG_SECONDS = 4.0  # from which on the goal holds
PAUSES = (1.0, 2.5)  # seconds between utterances
SECONDS = (1.0, 15.0)  # of a recording
NATIVE_SHARE = 0.5  # of the Spanish turns
LONG_SHARE = 0.5  # of the turns, whose recordings are all long
PROMPTS = 200  # of each language to draw from


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording, and who speaks it."""

    lang: str
    voice: str
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Placed:
    """A recording in the dialogue."""

    recorded: Recorded
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Voices:
    """What a dialogue is drawn from."""

    core: dict[str, list[Recorded]]  # by language
    native: Sequence[Recorded]  # Spanish of a native speaker; none: the others speak all of it


def installed(native: Path | None) -> Voices:
    """Debian's prompts, and the GSM files of a folder."""
    core = {lang: [Recorded(lang, "core", each.pcm) for each in prompts(lang, PROMPTS)] for lang in LANGS}
    return Voices(core, [Recorded("es", "native", pcm) for pcm in recordings(native)] if native else [])


def recordings(folder: Path) -> Iterator[Pcm]:
    """The GSM files of a folder that are long enough, at 16 kHz."""
    for path in sorted(folder.rglob("*.gsm")):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=ASR_RATE)
        with av.open(str(path), format="gsm") as file:
            frames = [made for frame in file.decode(audio=0) for made in resampler.resample(frame)]
        pcm = from_bytes(b"".join(frame.to_ndarray().tobytes() for frame in frames))
        if SECONDS[0] <= len(pcm) / ASR_RATE <= SECONDS[1]:
            yield pcm


def drawn(voices: Voices, seconds: float, seed: int) -> Iterator[Placed]:
    """Turns in one language after the other, until so much time is filled."""
    chance = random.Random(seed)
    at_samples, turn = ASR_RATE, 0
    while at_samples < seconds * ASR_RATE:
        lang = LANGS[turn % 2]
        pool = voices.native if voices.native and lang == "es" and chance.random() < NATIVE_SHARE else voices.core[lang]
        long = [each for each in pool if len(each.pcm) >= LONG_SECONDS * ASR_RATE]
        for recorded in chance.sample(long if chance.random() < LONG_SHARE else pool, chance.choice((1, 1, 2))):
            end_samples = at_samples + len(recorded.pcm)
            yield Placed(recorded, at_samples * 1000 // ASR_RATE, end_samples * 1000 // ASR_RATE)
            at_samples = end_samples + round(chance.uniform(*PAUSES) * ASR_RATE)
        turn += 1


def mixed(dialogue: Sequence[Placed], lang: str = "") -> Pcm:
    """The audio of the dialogue; of one language alone, silence for the other."""
    pcm = np.zeros(dialogue[-1].end_ms * ASR_RATE // 1000 + 2 * ASR_RATE, np.int16)
    for each in dialogue:
        if lang in ("", each.recorded.lang):
            start = each.start_ms * ASR_RATE // 1000
            pcm[start : start + len(each.recorded.pcm)] = each.recorded.pcm
    return pcm
