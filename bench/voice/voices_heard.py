"""What Whisper base understands of the voices: their word error rate, first audio and computing.

    python -m bench.voice.voices_heard [--models DIR] [--sentences 16] [--langs en,es] [--whole]

Voices of the bundles kokoro-82m and piper-en-us-joe that are installed, and espeak-ng's, speak sentences of five
languages (`sentences`); the bundle whisper-base hears them, at the rate recognizers take. `--whole` has Kokoro's
sentences also made whole, not in windows. Times are CPU seconds of this process, as nobody else computes in it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import soxr

from babelmesh.models.folder import Models, default_folder
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.recognition.asr_languages import normalized
from bench.voice.sentences import SENTENCES
from services.asr.engines.ctranslate2 import tokens
from services.asr.engines.ctranslate2.model import WhisperModel, Window
from services.asr.settings import Ctranslate2Settings
from services.common.audio.pcm import ASR_RATE, Pcm, from_bytes
from services.common.engines.selection import engine_class
from services.common.neural.bundles import read
from services.common.neural.ctranslating import Computing
from services.common.text import languages
from services.tts.engine import Clause, Engine, Voice
from services.tts.settings import TtsSettings

WHISPER, KOKORO, PIPER = "whisper-base", "kokoro-82m", "piper-en-us-joe"
# By engine: the language of the sentences, and the voice.
ARMS = {
    "embedded": (("en", "en-us"), ("es", "es"), ("pt", "pt-br")),
    "kokoro": (("es", "ef_dora"), ("pt", "pf_dora"), ("en", "af_heart"), ("fr", "ff_siwis"), ("it", "if_sara")),
    "onnx": (("en", PIPER),),
}
BOUND = 0.10
SPEECH_WITHIN_DB = 35.0  # of the loudest 20 ms


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as a voice spoke it."""

    pcm: Pcm  # at the engine's rate
    rate: int
    first_seconds: float  # of CPU, until the first piece
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / self.rate


async def speak(engine: Engine, voice: Voice, text: str) -> Spoken:
    """A sentence, and what it cost."""
    began, first, made = time.process_time(), 0.0, b""
    async with aclosing(engine.synthesize(Clause(text, voice))) as pieces:
        async for piece in pieces:
            first = first or time.process_time() - began
            made += piece
    return Spoken(from_bytes(made), engine.sample_rate_hertz, first, time.process_time() - began)


def level(pcm: Pcm, rate: int) -> float:
    """How loud speech is while it lasts, in dBFS."""
    size = rate // 50
    count = len(pcm) // size
    power = ((pcm[: count * size].astype(np.float64) / 32_768).reshape(count, size) ** 2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 10 ** (SPEECH_WITHIN_DB / 10)].mean()))


def listening(folder: Path) -> tuple[WhisperModel, tokens.Tokens]:
    """The model that hears, of a bundle, and its vocabulary."""
    words = tokens.read(read(folder))
    tail_samples = Ctranslate2Settings().tail_ms * ASR_RATE // 1000
    return WhisperModel(folder, words, Computing("cpu", "cpu", "int8", 1), tail_samples), words


def heard(whisper: WhisperModel, words: tokens.Tokens, language: str, spoken: Sequence[Spoken]) -> list[str]:
    """What is understood of sentences."""
    found = []
    known = languages.require(language, words.languages, "language")
    for each in spoken:
        pcm = soxr.resample(each.pcm, each.rate, ASR_RATE)
        padded = np.concatenate((np.zeros(ASR_RATE // 5, np.int16), pcm))
        [decoded] = whisper.recognize([Window(padded, known)])
        found.append(words.text(decoded.ids))
    return found


async def measured(options: argparse.Namespace, paths: dict[str, Path]) -> tuple[Rows, dict[str, Goal]]:
    """A row for each voice, and a goal for each neural one."""
    columns = ("language", "engine", "voice", "sentences", "WER", "first s", "CPU s per s", "dBFS", "clipped")
    table, goals = Rows("Voices, heard by Whisper base", columns), dict[str, Goal]()
    whisper, words = listening(paths[WHISPER])
    for name, settings in arms(options, paths):
        engine: Engine = engine_class("tts", name)(settings)
        await engine.start()
        for language, voice_name in ARMS[name]:
            if language not in options.langs.split(","):
                continue
            voice = next(voice for voice in engine.voices if voice.name == voice_name)
            texts = SENTENCES[language][: options.sentences]
            await speak(engine, voice, texts[0])
            spoken = [await speak(engine, voice, text) for text in texts]
            told = [normalized(text) for text in heard(whisper, words, language, spoken)]
            wer = float(jiwer.wer([normalized(text) for text in texts], told))
            label = "" if settings.kokoro.window_ms else "whole"
            table.add(language, f"{name} {label}".strip(), voice.name, len(texts), *figures(wer, spoken))
            if engine.networks and not label:
                goals[f"N4.{language}" if name == "kokoro" else f"N4.{language}.piper"] = at_most(round(wer, 4), BOUND)
            print(table.rows[-1], file=sys.stderr, flush=True)
        await engine.stop()
    return table, goals


def figures(wer: float, spoken: Sequence[Spoken]) -> tuple[float | int | None, ...]:
    """WER, first audio, computing, loudness, and how many samples are at full scale."""
    seconds = sum(each.seconds for each in spoken)
    pcm = np.concatenate([each.pcm for each in spoken])
    return (
        wer,
        percentile([each.first_seconds for each in spoken], 0.5),
        sum(each.cpu_seconds for each in spoken) / seconds,
        level(pcm, spoken[0].rate),
        int((np.abs(pcm.astype(np.int32)) >= 32_767).sum()),
    )


def arms(options: argparse.Namespace, paths: dict[str, Path]) -> list[tuple[str, TtsSettings]]:
    """The engines that can be had, as they are measured."""
    found = [("embedded", TtsSettings())]
    if PIPER in paths:
        found.append(("onnx", TtsSettings.model_validate({"onnx": {"bundles": [paths[PIPER]]}})))
    if KOKORO in paths:
        bundles = {"bundles": [paths[KOKORO]]}
        found.append(("kokoro", TtsSettings.model_validate({"kokoro": bundles})))
        if options.whole:
            found.append(("kokoro", TtsSettings.model_validate({"kokoro": bundles | {"window_ms": 0}})))
    return found


def main() -> None:
    """Print the table, and end with 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=default_folder(), help="where bundles are installed")
    parser.add_argument("--sentences", type=int, default=16)
    parser.add_argument("--langs", default=",".join(SENTENCES), help="languages")
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    bundles, _ = Models(options.models).installed()
    paths = {each.manifest.name: each.bundle.folder for each in sorted(bundles, key=lambda each: each.placed)}
    if WHISPER not in paths:
        sys.exit(f"Skipped: the bundle {WHISPER} is not installed (`babelmesh models fetch {WHISPER}`).")
    table, goals = asyncio.run(measured(options, paths))
    sys.exit(not finish("voices_heard", [table], goals))


if __name__ == "__main__":
    main()
