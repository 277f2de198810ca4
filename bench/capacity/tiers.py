"""Tiers: how many sessions keep their latency budget while the load rises and falls, with tiers and without.

    python -m bench.capacity.tiers [--sessions 12] [--step 8] [--budget-ms 3000] [--arms tiers,default]
                                  [--largest whisper]
    python -m bench.capacity.tiers --simulated [--sessions 100] [--truth 1.3]

One session after the other begins to speak, real speech at its own pace, until all do; then the newest leaves first. A
segment keeps the objective when its final translation is there within the budget, counted from its last sample. The arm
`default` runs the engines that a mesh runs without tiers. `--largest whisper` puts Whisper base above Moonshine: a
larger model, though not a better one for English. `--simulated` is the ladder alone, on scripted models and a scripted
clock; `--truth` is what models cost over what they were timed to cost at start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np

import babelmesh
from babelmesh.client.events import short_name
from bench.capacity.tiers_simulated import Played, Scene, play
from bench.measuring.processes import Variables, local_mesh
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.take import Take, captions, take
from bench.sessions import engines
from services.common.audio.pcm import ASR_RATE, Pcm

KEPT = 0.95  # share of the segments that keep the objective
GRACE_SECONDS = 60.0  # for what a session has yet to be sent once its speech has ended
TALKS, TALK_SECONDS = 4, 40.0
LARGEST = "the largest"


@dataclass(frozen=True, slots=True)
class Staircase:
    """How the load rises and falls."""

    sessions: int
    step_seconds: float
    budget_ms: int

    @property
    def seconds(self) -> float:
        """How long it takes: each step up, and down again."""
        return 2 * self.sessions * self.step_seconds

    def speech_seconds(self, number: int) -> float:
        """How long a session speaks, the first one longest."""
        return self.seconds - 2 * number * self.step_seconds

    def speaking(self, step: int) -> int:
        """How many sessions speak in a step."""
        return min(step + 1, 2 * self.sessions - step)


@dataclass(slots=True)
class Heard:
    """A session: when it began, and what came of it."""

    began: float
    take: Take | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a session: when its speech ended, how late its translation was, and the tiers it had."""

    ended: float
    late_seconds: float | None  # None: it was never there
    asr: str
    mt: str


@dataclass(slots=True)
class Climbed:
    """One arm."""

    name: str
    sessions: list[Heard] = field(default_factory=list)

    @property
    def segments(self) -> list[Segment]:
        """Those of all sessions."""
        return [segment for heard in self.sessions if heard.take for segment in _segments(heard.began, heard.take)]


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=0, help="at most at once; 12, or 100 simulated")
    parser.add_argument("--step", type=float, default=8.0, help="seconds between two sessions")
    parser.add_argument("--budget-ms", type=int, default=3000, help="latency budget of each session")
    parser.add_argument("--arms", default="tiers,default", help="names with commas between")
    parser.add_argument("--largest", choices=["moonshine", "whisper"], default="moonshine", help="largest recognizer")
    parser.add_argument("--simulated", action="store_true", help="scripted models and clock")
    parser.add_argument("--truth", type=float, default=1.3, help="simulated: real cost over timed cost")
    options = parser.parse_args()
    if options.simulated:
        sys.exit(not _simulated(Scene(sessions=options.sessions or 100, truth=options.truth)))
    stairs = Staircase(options.sessions or 12, options.step, options.budget_ms)
    names = options.arms.split(",")
    climbed = asyncio.run(climb(stairs, {name: _variables(name, options.largest) for name in names}))
    tables = [table for arm in climbed for table in (over_time(arm, stairs),)] + [summary(climbed, stairs)]
    sys.exit(not finish("tiers", tables, goals(climbed, stairs)))


def _variables(arm: str, largest: str) -> Variables:
    recognizers = "moonshine+ctranslate2" if largest == "whisper" else "moonshine"
    own = {"ASR_SLOTS": "32", "GATEWAY_SLOTS": "64", **engines.flat("default")}
    own |= {"ASR_ENGINE": recognizers, "TTS_ENGINE": "embedded"}  # English, and captions: nothing else is used
    if arm != "tiers":
        return own
    brief = {"engine": "moonshine", "hypothesis_ms": 1_000}  # the same words, of which fewer are shown before the final
    tiers = ["brief", "moonshine", *(["ctranslate2"] if largest == "whisper" else [])]
    return {
        **own,
        "ASR_VARIANTS": json.dumps({"brief": brief}),
        "ASR_ENGINE": f"{recognizers}+brief",
        "ASR_TIERS": ",".join(tiers),
        "MT_TIERS": "embedded,firefox",
    }


async def climb(stairs: Staircase, arms: Mapping[str, Variables]) -> list[Climbed]:
    """Each arm on a mesh of its own, one after the other."""
    found = []
    for name, variables in arms.items():
        arm = Climbed(name)
        async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
            speech = talks(TALKS, TALK_SECONDS)
            await take(client, speech[0][: 10 * ASR_RATE], captions(["es"]), 0)  # what loads at first use has loaded
            began = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as group:
                for number, talk in zip(range(stairs.sessions), cycle(speech), strict=False):
                    heard = Heard(asyncio.get_running_loop().time() - began)
                    arm.sessions.append(heard)
                    group.create_task(_speak(client, heard, _long(talk, stairs.speech_seconds(number)), stairs))
                    await asyncio.sleep(stairs.step_seconds)
        found.append(arm)
    return found


async def _speak(client: babelmesh.Mesh, heard: Heard, speech: Pcm, stairs: Staircase) -> None:
    config = babelmesh.SessionConfig(latency_budget_ms=stairs.budget_ms)
    try:
        async with asyncio.timeout(len(speech) / ASR_RATE + GRACE_SECONDS):
            heard.take = await take(client, speech, captions(["es"]), config=config)
    except (TimeoutError, babelmesh.SessionFailed) as fault:
        heard.fault = type(fault).__name__


def _long(talk: Pcm, seconds: float) -> Pcm:
    count = round(seconds * ASR_RATE)
    return np.tile(talk, -(-count // len(talk)))[:count]


def _segments(began: float, heard: Take) -> list[Segment]:
    """The segments of a session, by the ledger, each with the tier that the client knew of when it was captured."""
    tiers, found = {"ASR": LARGEST, "MT": LARGEST}, []
    told: dict[int, dict[str, str]] = {}
    for _, event in heard.events:
        if isinstance(event, babelmesh.Flow):
            for less in event.degraded:
                if less.reason == babelmesh.DEGRADED_REASON_TIER:
                    tiers[short_name(babelmesh.Stage, less.stage)] = LARGEST if less.over else less.tier
        elif isinstance(event, babelmesh.AsrResult):
            told[event.segment_id] = {**told.get(event.segment_id, {}), "ASR": tiers["ASR"]}
        elif isinstance(event, babelmesh.TranslationResult):
            told[event.segment_id] = {**told.get(event.segment_id, {}), "MT": tiers["MT"]}
        elif isinstance(event, babelmesh.Latency):
            late = (event.translated_ms - event.captured_ms) / 1000 if event.HasField("translated_ms") else None
            of = told.get(event.segment_id, {})
            found.append(Segment(began + event.captured_ms / 1000, late, of.get("ASR", ""), of.get("MT", "")))
    return found


def over_time(arm: Climbed, stairs: Staircase) -> Rows:
    """One row a step: who speaks, on which tiers, and how late translations are."""
    names = sorted({segment.asr for segment in arm.segments} | {LARGEST})
    columns = ["seconds", "sessions", "segments", "kept", "late p50", "late p95"]
    table = Rows(f"Over time: {arm.name}", [*columns, *(f"ASR {name}" for name in names), "MT smaller"])
    for step in range(2 * stairs.sessions):
        since, until = step * stairs.step_seconds, (step + 1) * stairs.step_seconds
        there = [segment for segment in arm.segments if since <= segment.ended < until]
        late = [segment.late_seconds for segment in there if segment.late_seconds is not None]
        table.add(
            f"{since:.0f}",
            stairs.speaking(step),
            len(there),
            kept(there, stairs),
            percentile(late, 0.5),
            percentile(late, 0.95),
            *(sum(segment.asr == name for segment in there) for name in names),
            sum(segment.mt not in (LARGEST, "") for segment in there),
        )
    return table


def kept(segments: Sequence[Segment], stairs: Staircase) -> float | None:
    """Share of segments that keep the objective; None of none."""
    within = [
        each for each in segments if each.late_seconds is not None and each.late_seconds * 1000 <= stairs.budget_ms
    ]
    return len(within) / len(segments) if segments else None


def summary(climbed: Sequence[Climbed], stairs: Staircase) -> Rows:
    """One row an arm."""
    table = Rows("Arms", ("arm", "sessions", "failed", "segments", "kept", "late p50", "late p95", "late most"))
    for arm in climbed:
        late = [each.late_seconds for each in arm.segments if each.late_seconds is not None]
        failed = sum(bool(heard.fault) for heard in arm.sessions)
        quantiles = [percentile(late, share) for share in (0.5, 0.95, 1.0)]
        table.add(arm.name, len(arm.sessions), failed, len(arm.segments), kept(arm.segments, stairs), *quantiles)
    return table


def goals(climbed: Sequence[Climbed], stairs: Staircase) -> dict[str, Goal]:
    """That with tiers nobody fails, and the objective is kept."""
    ours = next((arm for arm in climbed if arm.name == "tiers"), None)
    if ours is None:
        return {}
    failed = sum(bool(heard.fault) for heard in ours.sessions)
    return {
        "tiers.failed": at_most(failed, 0),
        "tiers.kept": at_least(kept(ours.segments, stairs) or 0.0, KEPT),
    }


def _simulated(scene: Scene) -> bool:
    """Prints the tables; whether every goal was reached."""
    names = [tier.name for tier in scene.tiers]
    arms = {"tiers": play(scene), **{f"all {name}": play(scene, number) for number, name in enumerate(names)}}
    table = Rows("Arms", ("arm", "utterances", "kept", "unanswered", "changes a session-minute", *names))
    for name, played in arms.items():
        changes = 60 * played.changes / sum(sum(on) for _, on in played.on_tiers)
        count = len(played.answers) + played.unanswered
        table.add(
            name, count, played.kept, played.unanswered, changes, *(played.tiers[each] for each in range(len(names)))
        )
    simulated_goals = {"tiers.simulated_kept": at_least(arms["tiers"].kept, KEPT)}
    return finish("tiers-simulated", [_over_time(arms, names), table], simulated_goals)


def _over_time(arms: Mapping[str, Played], names: Sequence[str]) -> Rows:
    ours = arms["tiers"]
    table = Rows(
        "Over time", ("seconds", "sessions", *(f"on {name}" for name in names), *(f"kept: {arm}" for arm in arms))
    )
    width = ours.scene.seconds / 20
    for number in range(20):
        since, until = number * width, (number + 1) * width
        on = next(on for now, on in ours.on_tiers if now >= since + width / 2)
        shares = [_kept_within(played, since, until) for played in arms.values()]
        table.add(f"{since:.0f}", sum(on), *on, *shares)
    return table


def _kept_within(played: Played, since: float, until: float) -> float | None:
    there = [each.seconds for each in played.answers if since <= each.at < until]
    return sum(each <= played.scene.objective_seconds for each in there) / len(there) if there else None


if __name__ == "__main__":
    main()
