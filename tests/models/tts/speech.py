"""What the voice learns from: espeak-ng's speech of Spanish sentences, and how long it takes for each symbol."""

from __future__ import annotations

import io
import re
import subprocess
import unicodedata
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE = 16_000
HOP = 64
PAD, BOS, EOS = "_^$"
LONG = "\u02d0"
SILENT = {PAD, "\u02c8", "\u02cc", " ", LONG}  # they take one frame each of the sound before or after them
ROUNDS = 12
BANDS = 40

Floats = NDArray[np.float32]


@dataclass
class Spoken:
    """A sentence, and how espeak-ng says it."""

    text: str
    symbols: list[str]  # with pads, as Piper puts them
    samples: Floats
    frames: NDArray[np.int64]  # of each symbol


def sentences() -> list[str]:
    """The Spanish of the phrasebook, and some more, for sounds it has not."""
    phrasebook = (HERE.parent / "phrasebook.tsv").read_text().splitlines()
    others = (HERE / "sentences.txt").read_text().splitlines()
    return [line.split("\t")[1] for line in phrasebook] + others + [f"{text}." for text in others]


def kept_apart(texts: Sequence[str]) -> list[str]:
    """The twenty that it is not trained on, to tell how well it speaks."""
    return list(texts[3:280:14])


def said(text: str) -> Floats:
    """espeak-ng's speech, without the silence around it."""
    wav = subprocess.run(["espeak-ng", "-v", "es", "-z", "--stdout", text], capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(wav)) as file:
        rate = file.getframerate()
        pcm = np.frombuffer(file.readframes(-1), dtype="<i2").astype(np.float32) / 32768
    samples = soxr.resample(pcm, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.003)
    return np.pad(samples[loud[0] : loud[-1]], (2 * HOP, 6 * HOP))


def symbols(text: str) -> list[str]:
    """A sentence as Piper spells it: its phonemes with pads between, and its marks."""
    phonemes = ""
    for part in re.findall(r"[^.,:;?!]+[.,:;?!]?", text.strip("¿¡")):
        told = subprocess.run(
            ["espeak-ng", "-v", "es", "-q", "--ipa", part], capture_output=True, check=True, text=True
        ).stdout
        mark = part[-1] if part[-1] in ".,:;?!" else ""
        phonemes += " ".join(told.split()) + mark + " "
    spelled = [BOS, PAD]
    for phoneme in unicodedata.normalize("NFD", phonemes.strip()):
        spelled += [phoneme, PAD]
    return [*spelled, EOS]


def bands(samples: Floats) -> Floats:
    """Logarithms of the energy in mel bands, [frames, bands]."""
    window = np.hanning(512).astype(np.float32)
    padded = np.pad(samples, (256, 256))
    places = np.arange(len(samples) // HOP)[:, None] * HOP + np.arange(512)[None]
    power = np.abs(np.fft.rfft(padded[places] * window)) ** 2
    return np.asarray(np.log(power @ filters() + 1e-4), dtype=np.float32)


def filters() -> Floats:
    """Triangles on the mel scale, [257, bands]."""
    mel = np.linspace(2595 * np.log10(1 + 50 / 700), 2595 * np.log10(1 + 7600 / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, 257)[:, None]
    up = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(up, down)), dtype=np.float32)


def spoken(texts: Sequence[str]) -> list[Spoken]:
    """All sentences, with the frames of each symbol found by Viterbi training from equal parts."""
    found = [Spoken(text, symbols(text), said(text), np.zeros(0, np.int64)) for text in texts]
    heard = [bands(each.samples) for each in found]
    sounds = [[symbol for symbol in each.symbols if symbol not in SILENT] for each in found]
    least = [_least(each.symbols) for each in found]
    lengths = [_equal(len(frames), need) for frames, need in zip(heard, least, strict=True)]
    for _ in range(ROUNDS):
        means, spreads = _gaussians(heard, sounds, lengths)
        lengths = [
            _aligned(frames, np.stack([means[s] for s in which]), np.stack([spreads[s] for s in which]), need)
            for frames, which, need in zip(heard, sounds, least, strict=True)
        ]
    for each, length in zip(found, lengths, strict=True):
        each.frames = _shared(each.symbols, length)
    return found


def _groups(spelled: Sequence[str]) -> list[list[int]]:
    """Places of the symbols that share each sound's frames: those before it that are silent, itself, its pad."""
    groups: list[list[int]] = []
    waiting: list[int] = []
    for place, symbol in enumerate(spelled):
        if symbol not in SILENT:
            groups.append([*waiting, place])
            waiting = []
        elif symbol in (PAD, LONG) and groups and not waiting:
            groups[-1].append(place)
        else:
            waiting.append(place)
    return groups


def _least(spelled: Sequence[str]) -> NDArray[np.int64]:
    return np.array([len(group) for group in _groups(spelled)])


def _shared(spelled: Sequence[str], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    frames = np.ones(len(spelled), np.int64)
    for group, length in zip(_groups(spelled), lengths, strict=True):
        sound = next(place for place in group if spelled[place] not in SILENT)
        frames[sound] = length - len(group) + 1
    return frames


def _equal(frames: int, least: NDArray[np.int64]) -> NDArray[np.int64]:
    edges = np.linspace(0, frames - least.sum(), len(least) + 1).astype(np.int64)
    return least + np.diff(edges)


def _gaussians(
    heard: Sequence[Floats], sounds: Sequence[Sequence[str]], lengths: Sequence[NDArray[np.int64]]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    rows: dict[str, list[Floats]] = {}
    for frames, which, length in zip(heard, sounds, lengths, strict=True):
        for symbol, part in zip(which, np.split(frames, np.cumsum(length)[:-1]), strict=True):
            rows.setdefault(symbol, []).append(part)
    joined = {symbol: np.concatenate(parts) for symbol, parts in rows.items()}
    return {s: r.mean(0) for s, r in joined.items()}, {s: r.var(0) + 0.3 for s, r in joined.items()}


def _aligned(frames: Floats, means: Floats, spreads: Floats, least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of each sound on the likeliest way through them, each at least so many."""
    scores = -0.5 * (((frames[:, None] - means) ** 2 / spreads) + np.log(spreads)).sum(-1)
    total = np.vstack([np.zeros(len(means)), np.cumsum(scores, 0)])
    count, states = scores.shape
    best = np.full((states + 1, count + 1), -np.inf)
    since = np.zeros((states + 1, count + 1), np.int64)
    best[0, 0] = 0
    for state in range(states):
        # best[state+1, t] = max over s <= t - least of best[state, s] - total[s] + total[t]
        gain = best[state] - total[:, state]
        ahead = np.maximum.accumulate(gain)
        where = np.maximum.accumulate(np.where(gain == ahead, np.arange(count + 1), 0))
        need = int(least[state])
        best[state + 1, need:] = ahead[: count + 1 - need] + total[need:, state]
        since[state + 1, need:] = where[: count + 1 - need]
    ends = [count]
    for state in range(states, 0, -1):
        ends.append(int(since[state, ends[-1]]))
    return -np.diff(ends)[::-1]
