"""What the tests let the phrasebook's recognizers hear: sentences in voices they were not learned from."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from services.common.audio import ASR_RATE, Pcm

BUNDLES = Path(__file__).parent
TRANSDUCER, CTC = BUNDLES / "phrasebook-transducer", BUNDLES / "phrasebook-ctc"
FOLDER = BUNDLES / "spoken"
SPOKEN = {  # each in one of espeak-ng's voices, at so many words a minute
    "the doctor is here today": ("en-gb+f4", 150),
    "we need two tickets please": ("en-us+m7", 160),
    "where is my friend": ("en-gb-x-gbcwmd+linda", 140),
}


def path(text: str) -> Path:
    """Of an utterance's file."""
    return FOLDER / f"{text.replace(' ', '-')}.wav"


def utterance(text: str) -> Pcm:
    """Its samples."""
    with wave.open(str(path(text)), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def write(text: str, pcm: Pcm) -> None:
    """Keeps samples as an utterance's file."""
    FOLDER.mkdir(exist_ok=True)
    with wave.open(str(path(text)), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(ASR_RATE)
        file.writeframes(pcm.tobytes())
