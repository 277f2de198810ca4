"""A dialogue in English and Spanish at one microphone: whether each utterance is taken for what it is, and how soon.

    python -m bench.recognition.languages_identified [--seconds 600] [--seed 1] [--native FOLDER] [--told] [--fast]

The dialogue is made of Debian's prompts, spoken at their own pace with 1 to 2.5 s of silence between: English and
Spanish of asterisk-core-sounds-en-g722 and -es-g722, which one American speaks, and, from `--native`, the folder that
`dpkg-deb -x` makes of asterisk-prompt-es-co, Spanish of a native speaker over the telephone. A turn is one or two
recordings, of which half are at least 4 s long. An utterance is what the recognizer ended with a final; what is spoken
is known by its place. It is wrongly spoken when a voice speaks it in the language it was said in. `--told` then plays
the same dialogue to two sessions at once, one for each language, which know it and hear silence for the other: what
the first concluded word of a translation waits for beyond that is the delay that identification adds. Delays are told
on two clocks: in audio heard until then, and by the wall, computing included; with `--fast`, which sends the dialogue
as fast as it is taken, on the first alone, where hypotheses come further apart.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import babelmesh
from babelmesh.client.events import SAME_LANGUAGE_PASS_THROUGH
from bench.measuring.corpus import without_silence
from bench.measuring.processes import Usage, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from bench.measuring.take import Take, take
from bench.recognition.dialogue import LANGS, LONG_SECONDS, Placed, drawn, installed, mixed
from bench.sessions import engines
from services.common.audio.pcm import ASR_RATE

LEAST_RIGHT = 0.95


@dataclass(frozen=True, slots=True)
class Wait:
    """How long something took from the onset of an utterance, in seconds."""

    heard: float  # of audio
    clock: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What became of one utterance."""

    said: Placed
    found: str
    confidence: float
    seconds: float
    decided: Wait
    word: Wait | None  # until the first concluded word of its translation
    spoken: bool  # in its own language, by a voice
    unsure: bool  # so that its translation came as captions alone

    @property
    def right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.found == self.said.recorded.lang


@dataclass(frozen=True, slots=True)
class Arms:
    """What is played, and how fast."""

    told: bool
    speed: float


def main() -> None:
    """Print the tables; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--native", type=Path, help="recordings in GSM of a native speaker of Spanish")
    parser.add_argument("--told", action="store_true", help="also where each session is told its language")
    parser.add_argument("--fast", action="store_true", help="as fast as it is taken")
    engines.add_option(parser)
    options = parser.parse_args()
    voices = installed(options.native)
    if not all(voices.core.values()):
        sys.exit("Skipped: the recordings are not installed.")
    dialogue = [*drawn(voices, options.seconds, options.seed)]
    arms = Arms(options.told, 0.0 if options.fast else 1.0)
    tables, goals = asyncio.run(measured(dialogue, arms, engines.flat(options.engines)))
    sys.exit(not finish("languages_identified", tables, goals))


async def measured(
    dialogue: Sequence[Placed], arms: Arms, variables: dict[str, str]
) -> tuple[list[Rows], dict[str, Goal]]:
    """Play it, in one session that finds the languages out and, if asked for, in two that are told."""
    config = babelmesh.SessionConfig(source_langs=LANGS)
    passing = [babelmesh.Target(lang=lang, same_language=SAME_LANGUAGE_PASS_THROUGH) for lang in LANGS]
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
        await take(client, mixed(dialogue[:6]), passing, 0, config)  # what is loaded at first use is loaded now
        async with metered(mesh) as usage:
            identified = utterances(dialogue, await take(client, mixed(dialogue), passing, arms.speed, config))
        known = await each_told(client, dialogue, arms.speed) if arms.told else []
    waits = delays(identified, known, by_clock=bool(arms.speed))
    tables = [accuracy(identified), mistakes(identified), waits, costs(usage, dialogue)]
    return tables, goals(identified)


async def each_told(client: babelmesh.Mesh, dialogue: Sequence[Placed], speed: float) -> list[Utterance]:
    """The same utterances where each session knows its language."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                take(client, mixed(dialogue, lang), [other], speed, babelmesh.SessionConfig(source_lang=lang))
            )
            for lang, other in (LANGS, LANGS[::-1])
        ]
    found = [utterances(dialogue, task.result()) for task in tasks]
    return [each for session in found for each in session]


def utterances(dialogue: Sequence[Placed], result: Take) -> list[Utterance]:
    """What became of each utterance that has words."""
    heard = [(at, each) for at, each in result.events if isinstance(each, babelmesh.AsrResult)]
    found = []
    for _, final in heard:
        if final.final and final.text:
            middle_ms = (final.start_ms + final.end_ms) // 2
            said = min(dialogue, key=lambda each: max(each.start_ms - middle_ms, middle_ms - each.end_ms))
            own = said.recorded.lang
            onset = final.start_ms / 1000
            decided = next(
                Wait(each.end_ms / 1000 - onset, at - onset)
                for at, each in heard
                if each.segment_id == final.segment_id and not each.lang_tentative
            )
            words = [
                Wait(each.end_ms / 1000 - onset, at - onset)
                for lang in LANGS
                for at, each in result.translations(lang)
                if each.segment_id == final.segment_id and lang != own and (each.stable_length or each.final)
            ]
            found.append(
                Utterance(
                    said,
                    final.lang[:2],
                    final.lang_confidence,
                    (final.end_ms - final.start_ms) / 1000,
                    decided,
                    words[0] if words else None,
                    any(chunk.segment_id == final.segment_id for _, chunk in result.chunks(own)),
                    final.lang_unsure,
                )
            )
    return found


def accuracy(found: Sequence[Utterance]) -> Rows:
    """How many were right, by voice and length."""
    table = Rows(
        "Languages",
        ("voice", "length", "utterances", "right", "share", "spoken in their own language", "captions alone"),
    )
    for voice, lang in (("core", "en"), ("core", "es"), ("native", "es")):
        for long in (True, False):
            group = [
                each
                for each in found
                if (each.said.recorded.voice, each.said.recorded.lang) == (voice, lang)
                and (each.seconds >= LONG_SECONDS) is long
            ]
            table.add(f"{lang} {voice}", f"{'>=' if long else '<'} {LONG_SECONDS:g} s", *_right(group))
    for long in (True, False):
        group = [each for each in found if (each.seconds >= LONG_SECONDS) is long]
        table.add("all", f"{'>=' if long else '<'} {LONG_SECONDS:g} s", *_right(group))
    return table


def _right(group: Sequence[Utterance]) -> tuple[int, int, float | None, int, int]:
    right = sum(each.right for each in group)
    spoken, unsure = sum(each.spoken for each in group), sum(each.unsure for each in group)
    return len(group), right, right / len(group) if group else None, spoken, unsure


def mistakes(found: Sequence[Utterance]) -> Rows:
    """Those that were taken for another language."""
    table = Rows("Taken for another language", ("at s", "voice", "said in", "found", "seconds", "confidence"))
    for each in found:
        if not each.right:
            said = each.said.recorded
            table.add(each.said.start_ms / 1000, said.voice, said.lang, each.found, each.seconds, each.confidence)
    return table


def delays(found: Sequence[Utterance], known: Sequence[Utterance], by_clock: bool) -> Rows:
    """When languages were decided, and the first translated word concluded, of utterances taken for what they are."""
    columns = ("until", "session", "heard p50", "heard p95", "clock p50", "clock p95")
    table = Rows("Seconds from the onset of an utterance", columns)
    right = [each for each in found if each.right]
    words = {name: [each.word for each in of if each.word] for name, of in (("finds", right), ("is told", known))}
    rows = [
        ("its language is decided", "finds", [each.decided for each in right]),
        ("a translated word is concluded", "finds", words["finds"]),
        ("a translated word is concluded", "is told", words["is told"]),
        ("the same, added by finding out", "", list(added(right, known))),
    ]
    for what, session, waits in rows:
        heard, clock = [each.heard for each in waits], [each.clock for each in waits if by_clock]
        table.add(what, session, *(percentile(each, share) for each in (heard, clock) for share in (0.5, 0.95)))
    return table


def added(found: Sequence[Utterance], known: Sequence[Utterance]) -> Iterator[Wait]:
    """What the first utterance of a recording waited for longer than where its language was told."""
    told = {each.said.start_ms: each.word for each in reversed(known)}
    for start_ms, each in {each.said.start_ms: each for each in reversed(found)}.items():
        if each.word and (other := told.get(start_ms)):
            yield Wait(each.word.heard - other.heard, each.word.clock - other.clock)


def costs(usage: Usage, dialogue: Sequence[Placed]) -> Rows:
    """What the session that finds languages out computes for a second of audio, and how much of that is speech."""
    seconds = dialogue[-1].end_ms / 1000
    speech = sum(len(without_silence(each.recorded.pcm)) for each in dialogue) / ASR_RATE
    table = Rows("CPU s a second of audio", ("service", "CPU s", "share that is speech"))
    for service, used in usage.cpu_seconds.items():
        table.add(service, used / seconds, speech / seconds)
    return table


def goals(found: Sequence[Utterance]) -> dict[str, Goal]:
    """The share that is right of those long enough, and how many were spoken in a wrong language."""
    long = [each for each in found if each.seconds >= LONG_SECONDS]
    return {
        "languages.long": at_least(sum(each.right for each in long) / len(long), LEAST_RIGHT),
        "languages.wrongly_spoken": at_most(float(sum(each.spoken for each in found)), 0.0),
    }


if __name__ == "__main__":
    main()
