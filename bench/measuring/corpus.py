"""What is translated to measure: recordings, what is said in them, and how that is said in other languages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from babelmesh.client import audio
from bench.measuring.metrics import Sentence
from bench.recognition.wer import find_sounds, read_g722
from services.common.audio.pcm import ASR_RATE, Pcm, from_bytes

PAUSE_SECONDS = 1.0  # after each recording, as a speaker would
LOUD_SHARE = 0.05  # of a recording's loudest frame: what is below is silence between words
FRAME_SAMPLES = ASR_RATE // 50


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech, its transcript, and reference translations by language: of the whole, sentence by sentence."""

    name: str
    text: str
    sentences: dict[str, tuple[Sentence, ...]]
    pcm: Pcm

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / ASR_RATE

    def reference(self, lang: str) -> str | None:
        """The whole reference translation into a language; None without one."""
        return " ".join(each.reference for each in self.sentences[lang]) if lang in self.sentences else None


def read_corpus(path: Path, sounds: Path | None, langs: Sequence[str]) -> list[Recording]:
    """The recordings a JSON-lines file names.

    A line has `text` and a reference under each language's tag. Its audio is `audio`, any file, seen from the corpus's
    folder; or `id`, a g722 file of `sounds` without its suffix (by default those of Debian).
    """
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [_recording(entry, path.parent, sounds, langs) for entry in entries]


def _recording(entry: dict[str, Any], folder: Path, sounds: Path | None, langs: Sequence[str]) -> Recording:
    if "audio" in entry:
        file = audio.probe(folder / entry["audio"])
        name, pcm = file.path.stem, from_bytes(b"".join(file.chunks()))
    else:
        name = entry["id"]
        pcm = read_g722((sounds or find_sounds()) / f"{name}.g722")
    whole = len(pcm) / ASR_RATE
    return Recording(
        name, entry["text"], {lang: (Sentence(entry[lang], 0.0, whole),) for lang in langs if lang in entry}, pcm
    )


def joined(recordings: Sequence[Recording], name: str = "joined") -> Recording:
    """All of them as one talk without a pause: the silences inside and between them are taken out."""
    start = 0.0
    sentences: dict[str, list[Sentence]] = {lang: [] for lang in recordings[0].sentences}
    parts: list[Pcm] = []
    for each in recordings:
        parts.append(without_silence(each.pcm))
        seconds = len(parts[-1]) / ASR_RATE
        for lang, before in sentences.items():
            before.append(Sentence(each.reference(lang) or "", start, seconds))
        start += seconds
    text = " ".join(each.text for each in recordings)
    return Recording(name, text, {lang: tuple(each) for lang, each in sentences.items()}, np.concatenate(parts))


def repeated(recordings: Sequence[Recording], seconds: float, name: str = "repeated") -> Recording:
    """A talk of at least so many seconds: the recordings one after the other, again and again, a pause behind each."""
    pause = np.zeros(round(PAUSE_SECONDS * ASR_RATE), dtype=np.int16)
    start = 0.0
    said: list[Recording] = []
    sentences: dict[str, list[Sentence]] = {lang: [] for lang in recordings[0].sentences}
    for each in cycle(recordings):
        for lang, before in sentences.items():
            before.append(Sentence(each.reference(lang) or "", start, each.seconds))
        said.append(each)
        start += each.seconds + PAUSE_SECONDS
        if start >= seconds:
            break
    pcm = np.concatenate([part for each in said for part in (each.pcm, pause)])
    text = " ".join(each.text for each in said)
    return Recording(name, text, {lang: tuple(each) for lang, each in sentences.items()}, pcm)


def without_silence(pcm: Pcm) -> Pcm:
    """The frames of 20 ms in which something is heard, and one beside each, so that no consonant is lost."""
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    level = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    loud = level > LOUD_SHARE * level.max()
    kept = loud | np.roll(loud, 1) | np.roll(loud, -1)
    heard: Pcm = frames[kept].reshape(-1)
    return heard
