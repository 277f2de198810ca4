"""What each confidence would have decided of the utterances of bench/recognition/languages_identified.py's dialogues.

    python -m bench.recognition.languages_sure [--seconds 600] [--seeds 1,2] [--native FOLDER] [--engines default]

All looks that the stage's settings allow are made of each utterance, sure or not; what follows from them is then
computed for each confidence that decides at once, and each below which the default language is kept in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from bench.measuring.report import Rows, finish, percentile
from bench.recognition.dialogue import LONG_SECONDS, Placed, drawn, installed, mixed
from bench.recognition.languages_decided import Deaf, identifying
from bench.recognition.offline import hear, rules_of
from bench.sessions import engines
from services.asr.engine import Language, Speech
from services.common.audio.pcm import ASR_RATE

SURE = (0.9, 0.95, 0.97, 0.985, 0.995)
LEAST = (0.5, 0.55, 0.6, 0.7, 0.8)
SPOKEN = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Look:
    """What was found after so many seconds of an utterance."""

    heard_seconds: float
    tag: str
    confidence: float
    share: float  # of the allowed languages, among all


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance, the language it is in, and all looks at it."""

    lang: str
    seconds: float
    looks: Sequence[Look]

    def decided(self, sure: float, least: float, default: str, spoken: float = 0.0) -> tuple[str, int]:
        """The language it is taken for, and the number of the look that decides."""
        enough = (
            number
            for number, look in enumerate(self.looks)
            if look.confidence >= sure and look.confidence * look.share >= spoken
        )
        number = next(enough, self.last)
        look = self.looks[number]
        return (look.tag[:2] if look.confidence >= least else default), number

    @property
    def last(self) -> int:
        """The number of its last look."""
        return len(self.looks) - 1


@dataclass(slots=True)
class Noting(Deaf):
    """Keeps every look, with where the utterance began."""

    noted: list[tuple[int, Look]] = field(default_factory=list)

    async def _identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        found = await self.identifier.identify(speech, allowed)
        self.noted.append(
            (speech.offset_samples, Look(len(speech.pcm) / ASR_RATE, found.tag, found.confidence, found.share))
        )
        return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--native", type=Path, help="recordings in GSM of a native speaker of Spanish")
    engines.add_option(parser)
    options = parser.parse_args()
    never = {"SURE": "1", "LEAST": "0", "PER_MINUTE": "600"}  # decides before the last look
    os.environ.update({f"ASR_IDENTIFICATION__{name}": value for name, value in never.items()})
    os.environ.update(engines.stages(options.engines)["asr"])
    voices = installed(options.native)
    if not all(voices.core.values()):
        sys.exit("Skipped: the recordings are not installed.")
    dialogues = [[*drawn(voices, options.seconds, int(seed))] for seed in options.seeds.split(",")]
    utterances, default = asyncio.run(looked_at(dialogues))
    tables = [table(utterances, default), spoken(utterances, default)]
    sys.exit(not finish("languages_sure", tables, {}))


async def looked_at(dialogues: Sequence[Sequence[Placed]]) -> tuple[list[Utterance], str]:
    """The utterances of each dialogue, and the default language."""
    async with identifying(Noting) as deaf:
        found = [each for dialogue in dialogues for each in await _utterances(deaf, dialogue)]
        return found, deaf.tags[0][:2]


async def _utterances(deaf: Noting, dialogue: Sequence[Placed]) -> list[Utterance]:
    deaf.noted.clear()
    settings = deaf.settings
    segments = await hear(cast(Any, deaf), mixed(dialogue), rules_of(settings), settings, deaf.tags[0])
    found = []
    for segment in segments:
        start, end = segment.speech_start_samples, segment.speech_end_samples
        middle_ms = (start + end) * 500 / ASR_RATE
        placed = min(dialogue, key=lambda each: max(each.start_ms - middle_ms, middle_ms - each.end_ms))
        looks = [look for at, look in deaf.noted if start - ASR_RATE <= at < end]
        found.append(Utterance(placed.recorded.lang, (end - start) / ASR_RATE, looks))
    return [each for each in found if each.looks]


def table(utterances: Sequence[Utterance], default: str) -> Rows:
    """One row for each pair of confidences."""
    columns = ("sure from", "kept below", "utterances", "long wrong", "short wrong", "decided s p95", "held to the end")
    rows = Rows("What each confidence would have decided", columns)
    for sure, least in _pairs():
        ends = [each.decided(sure, least, default) for each in utterances]
        wrong = [each for each, (lang, _) in zip(utterances, ends, strict=True) if lang != each.lang]
        long = sum(each.seconds >= LONG_SECONDS for each in wrong)
        waits = [each.looks[number].heard_seconds for each, (_, number) in zip(utterances, ends, strict=True)]
        held = sum(number == each.last for each, (_, number) in zip(utterances, ends, strict=True))
        rows.add(sure, least, len(utterances), long, len(wrong) - long, percentile(waits, 0.95), held)
    return rows


def spoken(utterances: Sequence[Utterance], default: str) -> Rows:
    """One row for each confidence, among all languages, from which on a decision is spoken."""
    columns = ("spoken from", "utterances", "spoken wrong", "right but unspoken: long", "short", "decided s p95")
    rows = Rows("What is spoken in a wrong language, and what is not spoken", columns)
    for least in SPOKEN:
        wrong, silent, waits = 0, [], []
        for each in utterances:
            lang, number = each.decided(0.97, 0.55, default, least)
            look = each.looks[number]
            said = lang == look.tag[:2] and look.confidence * look.share >= least
            wrong += said and lang != each.lang
            if lang == each.lang and not said:
                silent.append(each)
            waits.append(look.heard_seconds)
        long = sum(each.seconds >= LONG_SECONDS for each in silent)
        rows.add(least, len(utterances), wrong, long, len(silent) - long, percentile(waits, 0.95))
    return rows


def _pairs() -> Iterator[tuple[float, float]]:
    yield from ((sure, 0.6) for sure in SURE)
    yield from ((0.97, least) for least in LEAST)


if __name__ == "__main__":
    main()
