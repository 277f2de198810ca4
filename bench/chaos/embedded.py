"""Stages and gateways are killed under real speech on the embedded engines: what each session got must still add up.

    python -m bench.chaos.embedded [--short] [--sessions 3] [--seconds 45] [--rounds 2] [--keep FOLDER]

Two replicas of each stage, two gateways. The same talks are streamed at their own pace, first undisturbed, then while
one service after the other is killed. `order` says what was lost, said twice, taken back or out of order. A
recognizer that takes over does not know the speaker yet, so it may hear a few words otherwise: the table has the word
error rate against the undisturbed transcript, beside that of a second undisturbed run.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import jiwer

import babelmesh
from bench.chaos.fleet import Fleet, Plan, Variables, fleet
from bench.chaos.scene import Outcome, folder, options, play
from bench.measuring.order import faults
from bench.measuring.report import Rows, at_least, at_most
from bench.measuring.speech import talks
from bench.measuring.take import Take, take
from services.common.audio.pcm import Pcm

TARGETS = ("es",)
WARM_SECONDS = 5.0
PAUSE_SECONDS = 3.0  # between kills, from when all serve again
VICTIMS = ("asr-1", "gateway-1", "mt-1", "tts-1", "asr-2", "gateway-2", "mt-2", "tts-2")

EMBEDDED: Variables = {
    "ASR_ENGINE": "embedded",
    "ASR_VAD": "silero",
    "ASR_SLOTS": "8",
    "MT_ENGINE": "embedded",
    "MT_SLOTS": "16",
    "TTS_ENGINE": "embedded",
    "TTS_SLOTS": "16",
}


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, sessions=(3, 2), seconds=(45.0, 20.0), rounds=(2, 1))
    play("embedded", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """The talks undisturbed, twice, and then with kills."""
    speech = talks(told.sessions, told.seconds)
    with folder(told) as kept:
        async with fleet(Plan(gateways=2, variables=EMBEDDED), Path(kept) / "mesh") as up:
            quiet, again = await listened(up, speech), await listened(up, speech)
            struck: list[Take] = []
            kills = 0
            for _ in range(told.rounds):
                async with asyncio.TaskGroup() as group:
                    killing = group.create_task(kill_all(up, told.seconds))
                    struck += await listened(up, speech)
                kills += killing.result()
    takes = {"undisturbed": quiet, "undisturbed again": again, "with kills": struck}
    found = [fault for each in struck for fault in faults(each)]
    table = Rows("Embedded engines", ("run", "sessions", "segments", "word error rate", "faults", "first"))
    for name, made in takes.items():
        wrong = [fault for each in made for fault in faults(each)]
        table.add(name, len(made), segments(made), rate(quiet, made), len(wrong), wrong[0][:60] if wrong else None)
    goals = {"R1.embedded.faults": at_most(len(found), 0), "R1.embedded.kills": at_least(kills, 4)}
    return Outcome([table], goals)


async def listened(up: Fleet, speech: Sequence[Pcm]) -> list[Take]:
    """All talks at once, each in a session of its own."""
    async with babelmesh.connect(up.address) as mesh, asyncio.TaskGroup() as group:
        tasks = [group.create_task(take(mesh, talk, TARGETS)) for talk in speech]
    return [task.result() for task in tasks]


async def kill_all(up: Fleet, seconds: float) -> int:
    """Kills one after the other for so long, each once all serve again; how many."""
    kills = 0
    try:
        async with asyncio.timeout(seconds - WARM_SECONDS):
            await asyncio.sleep(WARM_SECONDS)
            for name in VICTIMS * 4:
                await up.serving()
                up[name].kill()
                kills += 1
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        pass
    return kills


def segments(takes: Sequence[Take]) -> int:
    """Final transcripts."""
    return sum(isinstance(event, babelmesh.AsrResult) and event.final for each in takes for _, event in each.events)


def rate(quiet: Sequence[Take], takes: Sequence[Take]) -> float:
    """Words heard otherwise than in the undisturbed run, per word of that."""
    undisturbed = [each.transcript.lower() for each in quiet] * (len(takes) // len(quiet))
    return float(jiwer.wer(undisturbed, [each.transcript.lower() for each in takes]))


if __name__ == "__main__":
    main()
