"""A whole stage away for a while: captions go on, it is announced, and what was missed is caught up with.

    python -m bench.chaos.outages [--short] [--seconds 10] [--sessions 10] [--keep FOLDER]

All synthesizers are killed and kept from starting; later all translators. *Announced*: from the first result that had
to go to the stage after the kill, to `flow.degraded`. *Catching up*: the translations of what was said in the outage,
in seconds of speech per second from the stage's return. *Voice back*: from the stage's return, or the first
translation after it where that is later, to the first speech.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.ledger import Line, read_all
from bench.chaos.scene import Outcome, folder, judged, options, play, share
from bench.chaos.talking import Load
from bench.measuring.report import Goal, Rows, at_least, at_most

WARM_SECONDS = 6.0
AFTER_SECONDS = 12.0
LEAST_SECONDS = 0.05  # what looking for a replica that is back may be late
STAGES = ("tts", "mt")


@dataclass(frozen=True, slots=True)
class Outage:
    """When a stage was away, on the monotonic clock."""

    stage: str
    began: float
    ended: float  # the first of its replicas said that it was ready


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, seconds=(10.0, 4.0), sessions=(10, 3))
    play("outages", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and stages that go away."""
    outages = []
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(asr=1, mt=2, tts=2), path / "mesh") as up:
            async with Load(told.sessions).at(up.address, path / "ledgers"):
                for stage in STAGES:
                    await asyncio.sleep(WARM_SECONDS)
                    outages.append(await away(up, stage, told.seconds))
                    await asyncio.sleep(AFTER_SECONDS)
            verdict = await judged(path / "ledgers")
            ledgers = read_all(path / "ledgers")
    sessions = list(ledgers.values())
    tts, mt = outages
    measures = {
        "TTS announced": [announced(lines, tts) for lines in sessions],
        "MT announced": [announced(lines, mt) for lines in sessions],
        "voice back": [voice_back(lines, tts) for lines in sessions],
        "catching up": [catch_up(lines, mt) for lines in sessions],
        "longest pause of captions, TTS away": [caption_pause(lines, tts) for lines in sessions],
        "longest pause of captions, MT away": [caption_pause(lines, mt) for lines in sessions],
    }
    return Outcome([verdict.table, table(measures)], {**verdict.clean("outages"), **goals(measures)})


async def away(up: Fleet, stage: str, seconds: float) -> Outage:
    """Takes a stage away for so long, and waits until it is back."""
    names = up.names(stage)
    for name in names:
        up[name].hold()
    began = max(up[name].kill() for name in names)
    await asyncio.sleep(seconds)
    for name in names:
        up[name].release()
    back = await up.first_serving(names)
    await up.serving(names)
    return Outage(stage, began, back)


def announced(lines: Sequence[Line], outage: Outage) -> float:
    """Seconds to the announcement, from the first concluded words to translate, or the first final one to speak."""
    after = [line for line in lines if line["t"] > outage.began]
    if outage.stage == "mt":
        wanted = (line["t"] for line in after if line["kind"] == "asr" and line["stable_length"])
    else:
        wanted = (line["t"] for line in after if line["kind"] == "translation" and line["final"])
    flows = [line for line in after if line["kind"] == "flow"]
    told = (line["t"] for line in flows if any(_says(less, outage) for less in line["degraded"]))
    return next(told, float("inf")) - max(outage.began, next(wanted, outage.began))


def voice_back(lines: Sequence[Line], outage: Outage) -> float:
    """Seconds to the first speech after the outage."""
    after = [line for line in lines if line["t"] > outage.ended]
    concluded = (line["t"] for line in after if line["kind"] == "translation" and line["stable_length"])
    wanted = next(concluded, outage.ended)
    spoken: float = next((line["t"] for line in after if line["kind"] == "tts"), float("inf"))
    return spoken - min(wanted, spoken) if spoken < float("inf") else spoken


def catch_up(lines: Sequence[Line], outage: Outage) -> float:
    """Seconds of missed speech translated per second after the outage."""
    heard = [line for line in lines if line["kind"] == "asr" and line["final"]]
    missed = {line["segment_id"]: line["text"] for line in heard if outage.began < line["t"] <= outage.ended}
    if not missed:
        return float("inf")
    finals = [line for line in lines if line["kind"] == "translation" and line["final"]]
    whole = [line for line in finals if len(line["text"].split()) == len(missed.get(line["segment_id"], "").split())]
    if len(whole) < len(missed):  # given up
        return 0.0
    took: float = max(max(line["t"] for line in whole) - outage.ended, LEAST_SECONDS)
    return (outage.ended - outage.began + took) / took


def caption_pause(lines: Sequence[Line], outage: Outage) -> float:
    """The longest time without a transcript while a stage was away."""
    times: list[float] = [
        line["t"] for line in lines if line["kind"] == "asr" and outage.began <= line["t"] <= outage.ended
    ]
    edges = [outage.began, *times, outage.ended]
    return max(after - before for before, after in pairwise(edges))


def table(measures: Mapping[str, Sequence[float]]) -> Rows:
    """One row a measure, over the sessions."""
    rows = Rows("A stage away, seconds (catching up: times real time)", ("measure", "least", "p50", "most"))
    for name, values in measures.items():
        rows.add(name, min(values), share(values, 0.5), max(values))
    return rows


def goals(measures: Mapping[str, Sequence[float]]) -> dict[str, Goal]:
    """What a listener may expect."""
    return {
        "outages.tts_announced": at_most(max(measures["TTS announced"]), 0.5),
        "outages.mt_announced": at_most(max(measures["MT announced"]), 0.5),
        "outages.voice_back": at_most(max(measures["voice back"]), 2.0),
        "outages.catch_up": at_least(min(measures["catching up"]), 2.0),
        "outages.captions": at_most(max(v for name, each in measures.items() if "captions" in name for v in each), 2.5),
    }


def _says(less: Mapping[str, object], outage: Outage) -> bool:
    return (
        less["stage"] == f"STAGE_{outage.stage.upper()}"
        and less["reason"] == "DEGRADED_REASON_UNAVAILABLE"
        and not less["over"]
    )


if __name__ == "__main__":
    main()
