"""How much silence Whisper needs behind a window, and what a window costs that is shorter than its 30 seconds.

    ASR_CTRANSLATE2__BUNDLES='["FOLDER"]' \
        python -m bench.recognition.whisper_windows [--langs es,fr,it,ru] [--prompts 10]

Each prompt of `asr_languages` is one window, followed by silence up to so many seconds; the last row fills the
window up, as Whisper's authors do. Costs are CPU seconds of one thread a second of audio: take them as ratios.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jiwer

from bench.measuring.report import Rows, finish
from bench.recognition.asr_languages import Prompt, normalized, prompts
from services.asr.engines.ctranslate2 import tokens
from services.asr.engines.ctranslate2.model import WhisperModel, Window
from services.asr.engines.ctranslate2.reading import words
from services.asr.neural.word_times import Bounds
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE
from services.common.neural import ctranslating
from services.common.neural.bundles import Bundle, read

TAILS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 30.0)  # seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--langs", default="es,fr,it,ru")
    parser.add_argument("--prompts", type=int, default=10, help="of each language")
    options = parser.parse_args()
    settings = AsrSettings().ctranslate2.some("asr", "ctranslate2")
    computing = ctranslating.chosen(settings, "ASR_CTRANSLATE2__DEVICE")
    corpora = {lang: found for lang in options.langs.split(",") if (found := prompts(lang, options.prompts))}
    if not corpora:
        sys.exit("Skipped: none of the recordings is installed.")
    bundle = read(Path(settings.bundles[0].path))
    vocabulary = tokens.read(bundle)
    table = Rows("Silence behind a window", ("seconds", *(f"WER {lang}" for lang in corpora), "mean", "CPU s per s"))
    for tail in TAILS:
        model = WhisperModel(bundle.folder, vocabulary, computing, round(tail * ASR_RATE))
        began = time.process_time()
        errors = [word_error_rate(model, bundle, lang, corpus) for lang, corpus in corpora.items()]
        took = time.process_time() - began
        seconds = sum(len(prompt.pcm) for corpus in corpora.values() for prompt in corpus) / ASR_RATE
        table.add("up to 30" if tail == TAILS[-1] else tail, *errors, sum(errors) / len(errors), took / seconds)
    sys.exit(not finish("whisper_windows", [table], {}))


def word_error_rate(model: WhisperModel, bundle: Bundle, lang: str, corpus: Sequence[Prompt]) -> float:
    """Over all words of a language."""
    vocabulary = tokens.read(bundle)
    found = []
    for prompt in corpus:
        (decoded,) = model.recognize([Window(prompt.pcm, lang)])
        heard = words(decoded, vocabulary, Bounds(0, len(prompt.pcm)), final=True)
        found.append(normalized(" ".join(word.text for word in heard)))
    return float(jiwer.wer([normalized(prompt.text) for prompt in corpus], found))


if __name__ == "__main__":
    main()
