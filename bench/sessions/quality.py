"""Quality, latency and stability of the running mesh, policy against policy, on recorded speech at its own pace.

    python -m bench.sessions.quality CORPUS.jsonl [--arms endpointed,balanced] [--targets es]
                                    [--joined | --minutes N] [--doors | --masks | --everything] ...

Every recording is a session in every arm; the arms take turns, so that what else the machine does befalls all of them.
`corpus` says what a corpus is, `arms` what the arms are, `metrics` what is measured. WER is by
jiwer, lower-cased and without punctuation; chrF and BLEU by sacrebleu over the final translations, as they are shown.
Without `--server` a mesh of the engines `--engines` names is started. Logs as simulstream writes them go to
bench/out/quality/.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.measuring.all_doors import CLOSED, NO_KEY, Doors, Key, add_options, doors
from bench.measuring.corpus import PAUSE_SECONDS, Recording, joined, read_corpus, repeated
from bench.measuring.emissions import caption_steps, concluded_words
from bench.measuring.order import faults
from bench.measuring.report import OUT, finish
from bench.measuring.take import take
from bench.sessions import engines
from bench.sessions.arms import ARMS, Arm, Gateways, Running, gateways
from bench.sessions.quality_tables import Session, goals, latency_table, quality_table, session_table, voice_table
from bench.sessions.simulstream import Logged, steps_of, write_log
from bench.sessions.talk import lasting_goals, lasting_table, talk_goals, talk_table
from services.common.audio.pcm import ASR_RATE

WARM_SECONDS = 8
LIMIT_SECONDS = 15.0  # the longest segment, as the gateway's default has it


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    arms: Sequence[Arm]
    targets: Sequence[str]
    speed: float  # times real time; 0: as fast as it is taken
    parallel: int
    key: Key = NO_KEY


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    options = _options()
    arms, targets = [ARMS[name] for name in options.arms.split(",")], options.targets.split(",")
    recordings = read_corpus(options.corpus, options.sounds, targets)
    if options.joined:
        recordings = [joined(recordings)]
    elif options.minutes:
        recordings = [repeated(recordings, 60 * options.minutes)]
    plan = Plan(arms, targets, 0.0 if options.fast else 1.0, options.parallel)
    mesh = Running(options.server, {} if options.server else engines.stages(options.engines))
    sessions = asyncio.run(behind(options.doors, recordings, plan, mesh))
    for session in sessions:
        for fault in faults(session.take):
            print(f"{session.arm} {session.recording.name}: {fault}")  # what it is for
    write_logs(sessions, targets)
    tables = [quality_table(sessions, targets)]
    if plan.speed:
        tables += [latency_table(sessions, targets), voice_table(sessions, targets)]
    if options.sessions:
        tables.insert(0, session_table(sessions, targets))
    reached = goals(sessions, targets, timed=bool(plan.speed))
    if options.joined and plan.speed:
        tables.append(talk_table(sessions, targets))
        reached |= talk_goals(sessions, targets, LIMIT_SECONDS)
    if options.minutes and plan.speed:
        tables.append(lasting_table(sessions, targets))
        reached |= lasting_goals(sessions, targets)
    name = "talk" if options.joined else "minutes" if options.minutes else "quality"
    door = Doors(options.doors)
    sys.exit(not finish(door.file(name), tables, door.goals(reached, only="C1")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--arms", default="endpointed,balanced", help=f"of {', '.join(ARMS)}")
    parser.add_argument("--targets", default="es", help="tags with commas between")
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    parser.add_argument("--joined", action="store_true", help="all recordings as one talk without a pause")
    parser.add_argument("--minutes", type=float, default=0.0, help="one talk so long: all recordings, again and again")
    parser.add_argument("--fast", action="store_true", help="as fast as the stream takes it: no latencies then")
    parser.add_argument("--parallel", type=int, default=3, help="sessions at once")
    parser.add_argument("--sessions", action="store_true", help="a table with a row for each session, too")
    parser.add_argument("--server", default="", help="measure this mesh instead of one of our own")
    engines.add_option(parser)
    add_options(parser)
    told = parser.parse_args()
    if told.server and told.doors in CLOSED:
        parser.error(f"--{told.doors} measures a mesh of its own, not --server.")
    return told


async def behind(name: str, recordings: Sequence[Recording], plan: Plan, mesh: Running) -> list[Session]:
    """All recordings in all arms, behind the doors of a name."""
    async with doors(name) as behind:
        return await run(recordings, replace(plan, key=behind.key), replace(mesh, doors=behind))


async def run(recordings: Sequence[Recording], plan: Plan, mesh: Running) -> list[Session]:
    """All recordings in all arms; recording by recording, the arm that begins being another each time."""
    turns = [
        (arm, recording)
        for number, recording in enumerate(recordings)
        for arm in [*plan.arms[number % len(plan.arms) :], *plan.arms[: number % len(plan.arms)]]
    ]
    places = asyncio.Semaphore(plan.parallel)
    async with gateways(plan.arms, mesh) as meshes, asyncio.TaskGroup() as group:
        arm, recording = turns[0]
        short = replace(recording, pcm=recording.pcm[: WARM_SECONDS * ASR_RATE])
        await _one(meshes, (arm, short), plan, speed=0.0)  # what is loaded at first use is loaded now
        tasks = [group.create_task(_in_its_turn(places, meshes, turn, plan)) for turn in turns]
    return [task.result() for task in tasks]


async def _in_its_turn(places: asyncio.Semaphore, meshes: Gateways, turn: tuple[Arm, Recording], plan: Plan) -> Session:
    async with places:
        return await _one(meshes, turn, plan, plan.speed)


async def _one(meshes: Gateways, turn: tuple[Arm, Recording], plan: Plan, speed: float) -> Session:
    arm, recording = turn
    pause = np.zeros(round(PAUSE_SECONDS * ASR_RATE), dtype=np.int16)
    pcm = np.concatenate((recording.pcm, pause))
    config = arm.config
    plan.key.agreed(config)
    return Session(arm.name, recording, await take(meshes.of(arm), pcm, plan.targets, speed, config))


def write_logs(sessions: Sequence[Session], targets: Sequence[str]) -> None:
    """A log of the concluded words, and one of the captions, for each arm and target."""
    for arm in {session.arm for session in sessions}:
        own = [session for session in sessions if session.arm == arm]
        for lang in targets:
            concluded = [Logged(each.recording.name, steps_of(concluded_words(each.take, lang))) for each in own]
            captions = [Logged(each.recording.name, caption_steps(each.take, lang)) for each in own]
            write_log(OUT / "quality" / f"{arm}.{lang}.concluded.jsonl", concluded)
            write_log(OUT / "quality" / f"{arm}.{lang}.captions.jsonl", captions)


if __name__ == "__main__":
    main()
