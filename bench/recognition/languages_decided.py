"""The decisions alone of `languages_identified`: dialogues of several seeds, without recognizing or translating.

    python -m bench.recognition.languages_decided [--seconds 600] [--seeds 1,2,3] [--native FOLDER] [--engines default]

Voice detection, endpointing, looks and decisions are the stage's own, and so are its settings; nothing listens for
words. So it takes a tenth of the time, and the decisions are the same. A decision is as late as the audio that is heard
until then.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from bench.measuring.report import Goal, Rows, at_least, finish, percentile
from bench.recognition.dialogue import LANGS, LONG_SECONDS, Placed, Recorded, drawn, installed, mixed
from bench.recognition.languages_identified import LEAST_RIGHT
from bench.recognition.offline import hear, rules_of
from bench.sessions import engines
from services.asr.deciding import Deciding
from services.asr.engine import Endpoint, Heard, Hypothesis, Identifier, Language, Speech, Word
from services.asr.serving import Engines
from services.asr.settings import AsrSettings
from services.asr.several_languages import Ear, SeveralLanguages
from services.common.audio.pcm import ASR_RATE


@dataclass(frozen=True, slots=True)
class Decision:
    """What one utterance was taken for, and after how many seconds of it."""

    said: Recorded
    found: str
    seconds: float
    heard_seconds: float

    @property
    def right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.found == self.said.lang

    @property
    def long(self) -> bool:
        """Whether the goal holds for it."""
        return self.seconds >= LONG_SECONDS


@dataclass(slots=True)
class Deaf:
    """An engine that finds out languages and hears no words: it says the language instead."""

    identifier: Identifier
    settings: AsrSettings
    tags: Sequence[str]
    looks: list[float] = field(default_factory=list)  # CPU seconds of each

    def recognize(self, heard: AsyncIterator[Heard], language: str) -> AsyncGenerator[Hypothesis, None]:
        """See Engine."""
        deciding = Deciding(language, self.settings.identification)
        ears = {tag: Ear(said(tag), biased=False) for tag in self.tags}
        return SeveralLanguages(ears, self._identify, deciding).recognize(heard)

    async def _identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        began = time.process_time()
        found = await self.identifier.identify(speech, allowed)
        self.looks.append(time.process_time() - began)
        return found


D = TypeVar("D", bound=Deaf)


def said(tag: str) -> Any:
    """What hears one language: its tag at every piece of speech, and at the end."""

    async def recognize(heard: AsyncIterator[Heard]) -> AsyncGenerator[Hypothesis, None]:
        async for item in heard:
            yield Hypothesis((Word(tag, 0, 0),), final=isinstance(item, Endpoint))

    return recognize


def main() -> None:
    """Print the tables; end with status 1 when the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--native", type=Path, help="recordings in GSM of a native speaker of Spanish")
    engines.add_option(parser)
    options = parser.parse_args()
    os.environ.update(engines.stages(options.engines)["asr"])
    voices = installed(options.native)
    if not all(voices.core.values()):
        sys.exit("Skipped: the recordings are not installed.")
    dialogues = [[*drawn(voices, options.seconds, int(seed))] for seed in options.seeds.split(",")]
    decisions, looks = asyncio.run(decided(dialogues))
    long = [each for each in decisions if each.long]
    goals: dict[str, Goal] = {"languages.decided": at_least(sum(each.right for each in long) / len(long), LEAST_RIGHT)}
    sys.exit(not finish("languages_decided", [table(decisions), cost(looks, decisions, len(dialogues))], goals))


@asynccontextmanager
async def identifying(kind: type[D]) -> AsyncIterator[D]:
    """An engine of a kind that only finds out languages, as the environment has the stage."""
    settings = AsrSettings()
    recognizers = Engines(settings)
    await recognizers.start()
    try:
        if recognizers.identifier is None:
            sys.exit("Skipped: no engine tells languages apart.")
        tags = [next(tag for tag in recognizers.identified if tag.startswith(lang)) for lang in LANGS]
        yield kind(recognizers.identifier, settings, tags)
    finally:
        await recognizers.stop()


async def decided(dialogues: Sequence[Sequence[Placed]]) -> tuple[list[Decision], list[float]]:
    """What the utterances of each dialogue are taken for, and the CPU seconds of each look."""
    decisions: list[Decision] = []
    async with identifying(Deaf) as deaf:
        for dialogue in dialogues:
            decisions += [each async for each in _decisions(deaf, dialogue)]
    return decisions, deaf.looks


async def _decisions(deaf: Deaf, dialogue: Sequence[Placed]) -> AsyncIterator[Decision]:
    settings = deaf.settings
    for segment in await hear(cast(Any, deaf), mixed(dialogue), rules_of(settings), settings, deaf.tags[0]):
        start, end = (at / ASR_RATE for at in (segment.speech_start_samples, segment.speech_end_samples))
        middle_ms = (start + end) * 500
        placed = min(dialogue, key=lambda each: max(each.start_ms - middle_ms, middle_ms - each.end_ms))
        waits = [at for at, guess in segment.guesses if not guess.language.tentative] or [segment.ended_samples]
        yield Decision(placed.recorded, segment.final[0].text[:2], end - start, waits[0] / ASR_RATE - start)


def table(decisions: Sequence[Decision]) -> Rows:
    """How many are right, and when they were decided, by voice and length."""
    columns = ("voice", "length", "utterances", "right", "share", "decided p50 s", "p95 s")
    rows = Rows("Languages decided", columns)
    for long in (True, False):
        for name, group in _groups([each for each in decisions if each.long is long]):
            right = sum(each.right for each in group)
            waits = [each.heard_seconds for each in group]
            share = right / len(group) if group else None
            length = f"{'>=' if long else '<'} {LONG_SECONDS:g} s"
            rows.add(name, length, len(group), right, share, percentile(waits, 0.5), percentile(waits, 0.95))
    return rows


def _groups(decisions: Sequence[Decision]) -> Iterator[tuple[str, list[Decision]]]:
    for lang, voice in (("en", "core"), ("es", "core"), ("es", "native")):
        yield f"{lang} {voice}", [each for each in decisions if (each.said.lang, each.said.voice) == (lang, voice)]
    yield "all", [*decisions]


def cost(looks: Sequence[float], decisions: Sequence[Decision], dialogues: int) -> Rows:
    """What looks take."""
    rows = Rows("Looks", ("dialogues", "looks an utterance", "CPU s p50", "p95"))
    rows.add(dialogues, len(looks) / len(decisions), percentile(looks, 0.5), percentile(looks, 0.95))
    return rows


if __name__ == "__main__":
    main()
