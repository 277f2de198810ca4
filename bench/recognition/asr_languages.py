"""Recognition of recorded speech in other languages than English, and of Spanish speech translated into English.

    python -m bench.recognition.asr_languages [--langs es,fr,it,ru] [--prompts 40] [--engines default|small]

Recordings are prompts of Debian's asterisk-core-sounds-LANG-g722, spoken by native speakers, and texts those of
asterisk-core-sounds-LANG, which differ from what is said in places. Prompts of 1.5 to 15 s and three words or more are
taken, the same ones each time. Another number of them takes others, and with ten alone half of the errors come out, or
half as many again: the interval beside the rate shows it. They go through the recognition stage's voice detection,
endpointing and engine as fast as it takes them, each in a session of its own. A word is shown late by the audio heard
behind it until a hypothesis has as many words; its computing comes on top, for a final the seconds in the last column.
Where the translation stage has a pair from Spanish into English, finals in Spanish go through it, and are held against
the English texts. Of an engine that runs alone, the rules that conclude words are compared as in bench/prefixes.py.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import re
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import sacrebleu

from bench.measuring.report import Rows, finish, percentile
from bench.recognition.offline import Segment, hear, rules_of
from bench.recognition.prefixes import rules_table
from bench.recognition.wer import PAUSE, read_g722
from bench.sessions import engines
from services.asr.serving import Engines
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import InvalidArgument
from services.common.server.watchdog import Watchdog
from services.common.text import languages
from services.mt.chaining import Chaining
from services.mt.engine import Pair, Source
from services.mt.serving import Engines as Translators
from services.mt.settings import MtSettings

SOUNDS, TEXTS = Path("/usr/share/asterisk/sounds"), Path("/usr/share/doc")
SECONDS = (1.5, 15.0)
LEAST_WORDS = 3
_LINE = re.compile(r"^([\w/-]+): *(\S.*)$")
_DIGITS = {  # as `normalized` leaves them
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "fr": ["zero", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
    "it": ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"],
}
_RESAMPLED = 2_000  # times
_ASIDE = re.compile(r"\[[^]]*\]|\([^)]*\)|<[^>]*>")  # what a text says of its sound


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recording, what is said in it, and what it says in English."""

    name: str
    text: str
    english: str
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of one."""

    text: str
    segments: Sequence[Segment]
    cpu_seconds: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--langs", default="es,fr,it,ru")
    parser.add_argument("--prompts", type=int, default=40, help="of each language")
    engines.add_option(parser)
    options = parser.parse_args()
    for variables in engines.stages(options.engines).values():
        os.environ.update(variables)
    corpora = {lang: found for lang in options.langs.split(",") if (found := prompts(lang, options.prompts))}
    if not corpora:
        sys.exit("Skipped: none of the recordings is installed.")
    tables = asyncio.run(measured(corpora))
    sys.exit(not finish("asr_languages", tables, {}))


def prompts(lang: str, count: int) -> list[Prompt]:
    """So many prompts of a language, spread over all; none, and a line on stderr, where they are not installed."""
    said, english = texts(lang), texts("en")
    folder = SOUNDS / lang
    if not said or not any(folder.glob("*.g722")):
        packages = f"asterisk-core-sounds-{lang}-g722 asterisk-core-sounds-{lang}"
        print(f"{lang} is left out: requirements/system.sh {packages} installs its recordings.", file=sys.stderr)
        return []
    found = []
    for name, text in said.items():
        path = folder / f"{name}.g722"
        seconds = path.stat().st_size / 8_000 if path.exists() else 0.0  # G.722 is 64 kbit/s
        if SECONDS[0] <= seconds <= SECONDS[1] and len(text.split()) >= LEAST_WORDS and not _ASIDE.search(text):
            found.append((name, text, path))
    step = max(1, len(found) // count)
    return [Prompt(name, text, english.get(name, ""), read_g722(path)) for name, text, path in found[::step][:count]]


def texts(lang: str) -> dict[str, str]:
    """What is said in the recordings of a language, by their names."""
    folder = TEXTS / f"asterisk-core-sounds-{lang}"
    for path in (folder / f"core-sounds-{lang}.txt", folder / f"core-sounds-{lang}.txt.gz"):
        if path.exists():
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines = content.decode("utf-8-sig").splitlines()
            return {found[1]: found[2].strip() for line in lines if (found := _LINE.match(line))}
    return {}


async def measured(corpora: dict[str, list[Prompt]]) -> list[Rows]:
    """Recognize all prompts, and translate those in Spanish."""
    settings = AsrSettings()
    recognizers = Engines(settings)
    columns = (
        "language",
        "engine",
        "prompts",
        "audio s",
        "WER",
        "95 % from",
        "to",
        "median",
        "empty",
        "CPU s per s",
        "shown s p50",
        "p95",
        "final s p50",
    )
    table = Rows("Recognition", columns)
    spanish: list[tuple[Prompt, Outcome]] = []
    segments: list[Segment] = []
    await recognizers.start()
    try:
        for lang, corpus in corpora.items():
            try:
                language = languages.require(lang, recognizers.languages, "lang")
            except InvalidArgument:
                print(f"{lang} is left out: no engine of {recognizers.name} recognizes it.", file=sys.stderr)
                continue
            outcomes = [await recognized(recognizers, language, each, settings) for each in corpus]
            table.add(lang, recognizers.of(language).name, *row(lang, corpus, outcomes))
            segments += [segment for outcome in outcomes for segment in outcome.segments]
            if lang == "es":
                spanish = list(zip(corpus, outcomes, strict=True))
    finally:
        await recognizers.stop()
    rules = [rules_table(segments, settings)] if "+" not in settings.engine else []
    return [table, *rules, *await translated([pair for pair in spanish if pair[0].english])]


async def recognized(recognizers: Engines, language: str, prompt: Prompt, settings: AsrSettings) -> Outcome:
    """One session, with a second of silence before and after."""
    began = time.process_time()
    pcm = np.concatenate((PAUSE, prompt.pcm, PAUSE))
    engine = recognizers.of(language)
    segments = await hear(engine, pcm, rules_of(settings), settings, language)
    text = " ".join(word.text for segment in segments for word in segment.final)
    return Outcome(text, segments, time.process_time() - began)


def row(lang: str, corpus: Sequence[Prompt], outcomes: Sequence[Outcome]) -> list[str | float | int | None]:
    """The figures of a language."""
    said = [normalized(prompt.text, lang) for prompt in corpus]
    found = [normalized(outcome.text, lang) for outcome in outcomes]
    each = [float(jiwer.wer(one, other)) for one, other in zip(said, found, strict=True)]
    seconds = sum(len(prompt.pcm) for prompt in corpus) / ASR_RATE
    late = [late for outcome in outcomes for late in shown(outcome)]
    return [
        len(corpus),
        round(seconds),
        float(jiwer.wer(said, found)),
        *interval(said, found),
        percentile(each, 0.5),
        sum(not text for text in found),
        sum(outcome.cpu_seconds for outcome in outcomes) / seconds,
        percentile(late, 0.5),
        percentile(late, 0.95),
        percentile([segment.final_seconds for outcome in outcomes for segment in outcome.segments], 0.5),
    ]


def shown(outcome: Outcome) -> list[float]:
    """Seconds from the end of each word of the finals until a hypothesis first had as many words."""
    late = []
    for segment in outcome.segments:
        for place, word in enumerate(segment.final):
            first = next((at for at, guess in segment.guesses if len(guess.words) > place), segment.ended_samples)
            late.append(max(0, first - word.end_samples) / ASR_RATE)
    return late


def interval(said: Sequence[str], found: Sequence[str]) -> tuple[float, float]:
    """Where the word error rate lies in 95 of 100 draws of as many of the prompts: what another choice would give."""
    lengths = np.array([len(text.split()) for text in said])
    errors = lengths * [float(jiwer.wer(one, other)) for one, other in zip(said, found, strict=True)]
    drawn = np.random.default_rng(1).integers(len(said), size=(_RESAMPLED, len(said)))
    low, high = np.quantile(errors[drawn].sum(axis=1) / lengths[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def normalized(text: str, lang: str = "") -> str:
    """Lower case without accents, which the Spanish texts lack, and punctuation; digits as words of the language."""
    plain = unicodedata.normalize("NFD", text.lower())
    words = re.sub(r"[^\w ]", " ", re.sub(r"[\u0300-\u036f]", "", plain)).split()
    spelled = _DIGITS.get(lang)
    return " ".join(spelled[int(word)] if spelled and re.fullmatch("[0-9]", word) else word for word in words)


async def translated(spoken: Sequence[tuple[Prompt, Outcome]]) -> list[Rows]:
    """How Spanish speech, and the Spanish texts, are translated into English; nothing without a pair."""
    if not spoken:
        return []
    translators = Translators(MtSettings())
    await translators.start()
    try:
        pair = next((each for each in translators.pairs if (each.source[:2], each.target[:2]) == ("es", "en")), None)
        if pair is None:
            print("Spanish is not translated: no engine has a pair into English.", file=sys.stderr)
            return []
        chaining = Chaining(translators, Watchdog(translators.patience_seconds), entries=0)
        table = Rows("Spanish into English", ("of", "engine", "prompts", "chrF", "BLEU"))
        for name, texts in (
            ("speech", [outcome.text for _, outcome in spoken]),
            ("text", [prompt.text for prompt, _ in spoken]),
        ):
            made = [await english(chaining, pair, text) for text in texts]
            references = [[prompt.english for prompt, _ in spoken]]
            chrf, bleu = sacrebleu.corpus_chrf(made, references).score, sacrebleu.corpus_bleu(made, references).score
            table.add(name, translators.name, len(made), float(chrf), float(bleu))
        return [table]
    finally:
        await translators.stop()


async def english(chaining: Chaining, pair: Pair, text: str) -> str:
    """The translation of a text by the pair's way; nothing of nothing."""
    return (await chaining.translate(Source(text, pair))).text if text.strip() else ""


if __name__ == "__main__":
    main()
