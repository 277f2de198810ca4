"""What the tests let the phrasebook's recognizers hear: sentences in voices they were not learned from.

    python -m tests.models.asr.utterances

speaks them again, with the program espeak-ng.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from services.common.audio.pcm import ASR_RATE, Pcm
from tests.models.asr.speech import Voice, spoken

BUNDLES = Path(__file__).parent
TRANSDUCER, CTC = BUNDLES / "phrasebook-transducer", BUNDLES / "phrasebook-ctc"
SPOKEN = {
    "the doctor is here today": Voice("en-gb+f4", 150, 50),
    "we need two tickets please": Voice("en-us+m7", 160, 50),
    "where is my friend": Voice("en-gb+linda", 140, 50),
}


def utterance(text: str) -> Pcm:
    """One of `SPOKEN`: its samples, with a little silence around them, mono, 16 kHz."""
    with wave.open(str(_path(text)), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def main() -> None:
    chance = np.random.default_rng(1)
    for text, voice in SPOKEN.items():
        silence = np.zeros(ASR_RATE * 150 // 1000, dtype=np.float32)
        audio = np.concatenate((silence, 0.6 * spoken(text, voice), silence))
        audio = audio + chance.normal(0, 3e-4, len(audio))
        with wave.open(str(_path(text)), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(ASR_RATE)
            file.writeframes((audio * 32_767).astype(np.int16).tobytes())


def _path(text: str) -> Path:
    return BUNDLES / "spoken" / f"{text.replace(' ', '-')}.wav"


if __name__ == "__main__":
    main()
