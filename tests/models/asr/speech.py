"""Speech to learn from: the phrasebook's words in espeak-ng's voices, as features, made to sound as rooms do."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]  # mono, 16 kHz, -1 to 1
Features = NDArray[np.float32]  # (frames, mels): log energies, a frame each 10 ms

RATE = 16_000
SILENCE = float(np.log(np.finfo(np.float32).eps))  # what a band without any energy has
PHRASEBOOK = Path(__file__).parent.parent / "phrasebook.tsv"
ACCENTS = (
    "en-us",
    "en-us",
    "en-gb",
    "en-gb-x-rp",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-029",
    "en-us-nyc",
    "en-gb-x-gbcwmd",
)
VARIANTS = (
    *(
        "",
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
        "m6",
        "m8",
        "f1",
        "f2",
        "f3",
        "f5",
        "Alex",
        "Alicia",
        "Andrea",
        "Annie",
        "Denis",
    ),
    *("Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen"),
    *("adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma"),
    *("grandpa", "john", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert"),
    *("sandro", "shelby", "steph2", "travis", "victor", "zac", "klatt", "klatt2", "klatt4"),
)
UNHEARD_VARIANTS = ("f4", "m7", "Andy", "linda", "steph", "marcelo", "gustave", "klatt3")


@dataclass(frozen=True, slots=True)
class Voice:
    """One of espeak-ng's, and how it speaks."""

    name: str
    words_per_minute: int
    pitch: int

    @classmethod
    def drawn(cls, accents: Sequence[str], variants: Sequence[str], chance: random.Random) -> Voice:
        """One of an accent and a variant."""
        variant = chance.choice(variants)
        name = chance.choice(accents) + (f"+{variant}" if variant else "")
        return cls(name, chance.randint(120, 200), chance.randint(25, 75))


def sentences() -> list[str]:
    """The phrasebook's English side."""
    return [line.split("\t")[0] for line in PHRASEBOOK.read_text(encoding="utf-8").splitlines()]


def drawn_text(known: Sequence[str], words: Sequence[str], chance: random.Random) -> str:
    """A sentence of the phrasebook, or some of its words in any order: so that words are heard, not sentences."""
    if chance.random() < 0.5:
        return chance.choice(known)
    return " ".join(chance.choice(words) for _ in range(chance.randint(1, 6)))


def spoken(text: str, voice: Voice) -> Audio:
    """A text in a voice, without the silence espeak-ng ends with."""
    command = [
        "espeak-ng",
        "-v",
        voice.name,
        "-s",
        str(voice.words_per_minute),
        "-p",
        str(voice.pitch),
        "-z",
        "--stdout",
    ]
    wav = subprocess.run([*command, text], check=True, capture_output=True).stdout
    rate = int.from_bytes(wav[24:28], "little")
    samples = np.frombuffer(wav[44:], dtype="<i2").astype(np.float32) / 32_768
    return np.asarray(soxr.resample(samples, rate, RATE), dtype=np.float32)


def features(audio: Audio) -> Features:
    """As sherpa-onnx computes them for NeMo's models that ask for no normalization."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.frame_opts.remove_dc_offset = False
    options.frame_opts.window_type = "hann"
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 0
    options.mel_opts.high_freq = 8_000
    options.mel_opts.is_librosa = True
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(RATE, audio.tolist())
    return np.stack([bank.get_frame(number) for number in range(bank.num_frames_ready)])


def noises(chance: np.random.Generator, seconds: int = 20) -> list[Features]:
    """White, pink and brown noise at unit power, and hum."""
    samples = seconds * RATE
    spectrum = np.fft.rfft(chance.standard_normal(samples))
    hertz = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 20.0)
    made = []
    for slope in (0.0, 0.5, 1.0):
        noise = np.fft.irfft(spectrum / hertz**slope, samples)
        made.append(features((noise / noise.std()).astype(np.float32)))
    return made


def roomed(pieces: Sequence[Features], noise: Sequence[Features], chance: random.Random) -> Features:
    """Utterances after one another, with silence around them, at some loudness, in some noise, some bands weaker."""
    parts = [_silence(chance.randint(5, 60))]
    for piece in pieces:
        parts += [piece + chance.uniform(-3.0, 1.0), _silence(chance.randint(25, 70))]
    heard = np.concatenate(parts)
    bins = np.arange(heard.shape[1]) / heard.shape[1]
    heard = (
        heard
        + chance.uniform(-1.5, 1.5) * (bins - 0.5)
        + chance.uniform(-0.7, 0.7) * np.cos(2 * np.pi * (bins * chance.uniform(0.5, 2.0) + chance.random()))
    )
    if chance.random() < 0.8:
        around = chance.choice(list(noise))
        start = chance.randrange(len(around) - len(heard)) if len(around) > len(heard) else 0
        level = chance.uniform(-20.0, -11.0)  # of its power's logarithm: -87 to -48 dB of full scale
        crop = np.resize(around[start : start + len(heard)], heard.shape)
        heard = np.logaddexp(heard, crop + level)
    return np.asarray(np.maximum(heard, SILENCE), dtype=np.float32)


def masked(heard: Features, chance: random.Random) -> Features:
    """SpecAugment (Park et al., 2019), lightly: a band and a moment without anything told."""
    heard = heard.copy()
    for _ in range(2):
        width, first = chance.randint(0, 6), chance.randrange(74)
        heard[:, first : first + width] = heard.mean()
    length, start = chance.randint(0, 5), chance.randrange(max(1, len(heard) - 5))
    heard[start : start + length] = heard.mean()
    return heard


def _silence(frames: int) -> Features:
    return np.full((frames, 80), SILENCE, dtype=np.float32)
