"""Whisper on CTranslate2, for the batcher's thread: windows of audio in, tokens out.

The encoder was trained on 30 s, and is as sure of shorter windows if silence follows the speech: a window costs what is
in it. Without that silence it loses the end of what is said, and often goes round in circles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from services.asr.engine import Language
from services.asr.engines.ctranslate2.features import HOP_SAMPLES, log_mel
from services.asr.engines.ctranslate2.reading import Decoded, heard, likeliest, unlooped
from services.asr.engines.ctranslate2.tokens import Tokens
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import StageFailed
from services.common.neural.ctranslating import Computing

MOST_SAMPLES = 28 * ASR_RATE  # of a window, without the silence behind it
_MOST_SAMPLES = 30 * ASR_RATE  # of a window and that silence: the encoder has no more places
_STEP_SAMPLES = 2 * HOP_SAMPLES  # of a frame of the encoder
_TOKENS, _TOKENS_A_SECOND, _MOST_TOKENS = 8, 16, 220  # at most
_ALIKE = 1.5  # windows so many times as long as the shortest are decoded with it


NOTHING = Decoded((), (), ())


@dataclass(frozen=True, slots=True)
class Window:
    """A window of audio to recognize, and its language: mono, 16 kHz, at most MOST_SAMPLES."""

    pcm: Pcm
    language: str


@dataclass(frozen=True, slots=True)
class Look:
    """Audio whose language is to be identified among two or more tags: mono, 16 kHz, at most MOST_SAMPLES."""

    pcm: Pcm
    languages: tuple[str, ...]


class WhisperModel:
    """A loaded Whisper model. Its methods block, and are called by the batcher's thread."""

    def __init__(self, folder: Path, tokens: Tokens, computing: Computing, tail_samples: int) -> None:
        """Load the model; `tail_samples` of silence are put behind each window. Blocking. Raises StageFailed on
        failure.
        """
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device=computing.kind,
                compute_type=computing.compute_type,
                inter_threads=1,
                intra_threads=computing.threads,
            )
        except (RuntimeError, ValueError) as error:
            raise StageFailed("MODEL_UNLOADABLE", f"CTranslate2 cannot load {folder}: {error}.", stage="ASR") from error
        self._tokens = tokens
        self._tail_samples = tail_samples

    def recognize(self, windows: Sequence[Window]) -> list[Decoded]:
        """Return each window's tokens, none where no speech is found. Blocking. Raises StageFailed when the model
        breaks.
        """
        answers = [NOTHING] * len(windows)
        for places in _alike(windows):
            try:
                made = self._decoded([windows[place] for place in places])
            except (RuntimeError, ValueError) as error:
                broken = f"The recognizer broke: {type(error).__name__}."
                raise StageFailed("ASR_ENGINE_FAILED", broken, stage="ASR") from error
            for place, answer in zip(places, made, strict=True):
                answers[place] = answer
        return answers

    def identify(self, looks: Sequence[Look]) -> list[Language]:
        """Return the likeliest allowed language of each look, with its share among those allowed. Blocking. Raises
        StageFailed.

        Like a transcript it gets surer with silence behind the speech, and costs what is in the window.
        """
        return [self._identified(look) for look in looks]

    def _identified(self, look: Look) -> Language:
        try:
            likely = dict(self._model.detect_language(self._encoded([look.pcm]))[0])
        except (RuntimeError, ValueError) as error:
            broken = f"The recognizer broke: {type(error).__name__}."
            raise StageFailed("ASR_ENGINE_FAILED", broken, stage="ASR") from error
        return likeliest(likely, {tag: self._tokens.name(tag) for tag in look.languages})

    def _encoded(self, heard: Sequence[Pcm]) -> ctranslate2.StorageView:
        """Encode windows, each padded with silence to the length of the longest."""
        longest = min(_MOST_SAMPLES, max(map(len, heard)) + self._tail_samples)
        samples = -(-longest // _STEP_SAMPLES) * _STEP_SAMPLES
        frames = np.stack([log_mel(pcm, samples, self._model.n_mels) for pcm in heard])
        return self._model.encode(ctranslate2.StorageView.from_array(frames))

    def _decoded(self, windows: Sequence[Window]) -> list[Decoded]:
        """Decode windows of one language, and return each one's tokens with their frames."""
        encoded = self._encoded([window.pcm for window in windows])
        samples = _STEP_SAMPLES * encoded.shape[1]
        prompt = self._tokens.prompt(windows[0].language, self._model.is_multilingual)
        results = self._model.generate(
            encoded,
            [prompt] * len(windows),
            beam_size=1,
            max_length=2 * most_tokens(samples),  # of which CTranslate2 lets Whisper generate half
            return_scores=True,
            return_no_speech_prob=True,
        )
        texts = [
            list(unlooped(result.sequences_ids[0], len(window.pcm) / ASR_RATE))
            if heard(result.scores[0], result.no_speech_prob)
            else []
            for window, result in zip(windows, results, strict=True)
        ]
        if not any(texts):
            return [NOTHING] * len(windows)
        lengths = [max(1, len(window.pcm) // HOP_SAMPLES) for window in windows]
        places = self._model.align(encoded, prompt, texts, lengths)
        return [_placed(ids, aligned) for ids, aligned in zip(texts, places, strict=True)]


def _placed(ids: Sequence[int], aligned: Any) -> Decoded:
    """Return tokens with the frame at which each begins, as aligned by CTranslate2."""
    frames: dict[int, int] = {}
    for place, frame in aligned.alignments:
        frames.setdefault(place, frame)
    first, behind = [], 0
    for place in range(len(ids)):
        behind = frames.get(place, behind)
        first.append(behind)
    return Decoded(tuple(ids), tuple(first), tuple(aligned.text_token_probs))


def most_tokens(samples: int) -> int:
    """Return the most tokens that a window of so many samples may have: more than anybody speaks in that time."""
    return min(_MOST_TOKENS, _TOKENS + _TOKENS_A_SECOND * samples // ASR_RATE)


def _alike(windows: Sequence[Window]) -> Iterator[list[int]]:
    """Yield groups of window indexes to decode together: of one language, and of about the same length."""
    together: list[int] = []
    for place in sorted(range(len(windows)), key=lambda place: (windows[place].language, len(windows[place].pcm))):
        shortest = windows[together[0]] if together else windows[place]
        same = windows[place].language == shortest.language
        if together and not (same and len(windows[place].pcm) <= _ALIKE * len(shortest.pcm)):
            yield together
            together = []
        together.append(place)
    if together:
        yield together
