"""How many of the words in ffmpeg's decoding are in another: those of equal sound all, those of the rest as heard."""

from __future__ import annotations

from dataclasses import dataclass

import jiwer
import numpy as np

from babelmesh.models.folder import Models, default_folder
from bench.recognition.wer import normalized
from services.asr.engines.moonshine.model import LAYOUTS, Model, Window, opened
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural import bundles, devices

ALIKE = 40  # of 32768: what two releases of a decoder differ by
LEAST_SPEECH_SAMPLES = ASR_RATE // 5
WINDOW_SAMPLES = 12 * ASR_RATE  # that the recognizer hears at once
SILENT = 8  # of 32768
LONGEST_SILENCE_SAMPLES = ASR_RATE // 2


@dataclass(frozen=True, slots=True)
class Words:
    """Words of ffmpeg's decoding, and how many of them are in another, in order."""

    all: int
    found: int

    @property
    def share(self) -> float:
        """How many of them were found, 1 being all."""
        return self.found / self.all if self.all else 1.0


def samples(pcm: bytes) -> Pcm:
    """16-bit PCM as samples, without long silence: holes that one fills and another does not."""
    sound = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2")
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > SILENT)
    if not len(loud):
        return sound[:0]
    edges = np.flatnonzero(np.diff(loud) > LONGEST_SILENCE_SAMPLES)
    spans = zip([loud[0], *loud[edges + 1]], [*loud[edges], loud[-1]], strict=True)
    return np.concatenate([sound[start : end + 1] for start, end in spans])


def contained(wanted: Pcm, found: Pcm) -> bool:
    """Whether a decoding begins with all of another."""
    if len(found) < len(wanted):
        return False
    difference = np.abs(found[: len(wanted)].astype(np.int32) - wanted)
    return not len(wanted) or int(difference.max()) <= ALIKE


class Recognizer:
    """The default recognizer of English, asked for whole recordings."""

    def __init__(self) -> None:
        (installed, *_) = Models(default_folder()).named(["moonshine-tiny-en"])
        bundle = bundles.opened(installed.bundle.folder, "asr", "moonshine", LAYOUTS)
        self._model: Model = opened(bundle, devices.chosen("cpu", 1))
        self._known: dict[bytes, str] = {}

    def text(self, sound: Pcm) -> str:
        """What is said in a recording, in small letters and without punctuation."""
        key = sound.tobytes()
        if key not in self._known:
            windows = [sound[at : at + WINDOW_SAMPLES] for at in range(0, len(sound), WINDOW_SAMPLES)]
            self._known[key] = " ".join(self._heard(window) for window in windows if len(window) > LEAST_SPEECH_SAMPLES)
        return self._known[key]

    def _heard(self, window: Pcm) -> str:
        (draft,) = self._model.recognize([Window(window)])
        return normalized(" ".join(word.text for word in self._model.tokens.words(draft.tokens)))

    def words(self, wanted: Pcm, found: Pcm) -> Words:
        """The words of one decoding that are in another."""
        reference = self.text(wanted)
        if not reference.strip():
            return Words(0, 0)
        heard = self.text(found)
        all_ = len(reference.split())
        return Words(all_, jiwer.process_words(reference, heard).hits if heard.strip() else 0)
