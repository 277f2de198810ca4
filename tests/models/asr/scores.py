"""How well sherpa-onnx hears with a bundle, in voices that were not learned from."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
import sherpa_onnx

from tests.models.asr import speech

SEED, UTTERANCES = 11, 120
TAIL = np.zeros(speech.RATE, dtype=np.float32)


def wrong(folder: Path, layout: str, sentences: bool = False) -> float:
    """The word error rate, of everything or of the phrasebook's own sentences alone."""
    recognizer = opened(folder, layout)
    known = set(speech.sentences())
    errors = words = 0
    for text, audio in unheard():
        if sentences and text not in known:
            continue
        heard = decoded(recognizer, audio)
        errors += distance(text.split(), heard.split())
        words += len(text.split())
    return errors / words


@cache
def unheard() -> list[tuple[str, speech.Audio]]:
    """Sentences and words of the phrasebook in voices kept apart, in a little noise."""
    chance, noise = random.Random(SEED), np.random.default_rng(SEED)
    known = speech.sentences()
    words = sorted({word for sentence in known for word in sentence.split()})
    made = []
    for _ in range(UTTERANCES):
        text = speech.drawn_text(known, words, chance)
        voice = speech.Voice.drawn(speech.ACCENTS, speech.UNHEARD_VARIANTS, chance)
        audio = np.concatenate((TAIL[: speech.RATE // 4], speech.spoken(text, voice), TAIL)) * chance.uniform(0.2, 1.0)
        made.append((text, (audio + noise.standard_normal(len(audio)) * 0.001).astype(np.float32)))
    return made


def opened(folder: Path, layout: str, **options: object) -> sherpa_onnx.OnlineRecognizer:
    """sherpa-onnx on the bundle."""
    tokens = str(folder / "tokens.txt")
    if layout == "nemo-ctc":
        return sherpa_onnx.OnlineRecognizer.from_nemo_ctc(tokens, str(folder / "model.onnx"), num_threads=1, **options)
    files = (str(folder / name) for name in ("encoder.onnx", "decoder.onnx", "joiner.onnx"))
    return sherpa_onnx.OnlineRecognizer.from_transducer(tokens, *files, num_threads=1, **options)


def decoded(recognizer: sherpa_onnx.OnlineRecognizer, audio: speech.Audio) -> str:
    """What it hears."""
    stream = recognizer.create_stream()
    stream.accept_waveform(speech.RATE, audio)
    stream.input_finished()
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    heard: str = recognizer.get_result(stream)
    return heard


def distance(said: list[str], heard: list[str]) -> int:
    """Words to put in, take out or replace."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]
