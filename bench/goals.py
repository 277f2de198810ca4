"""Runs every measurement that has goals, cheapest first, and prints one line a goal.

    python -m bench.goals [--only C1] [--prompts CORPUS.jsonl] [--read]

`--only` takes a goal (C1, R1.lost) or the name of a measurement (kills). `--prompts` may be given with any of them, and
is read by those that measure quality (`make goals PROMPTS=FILE.jsonl` gives it). `--read` runs nothing and prints what
the files in bench/out say. What a measurement prints goes to bench/out/NAME.log.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measuring.report import OUT

CHAOS = "bench.chaos."


@dataclass(frozen=True, slots=True)
class Measurement:
    """A command, and the goals it prints."""

    module: str
    goals: Sequence[str]
    options: Sequence[str] = ()
    reads_prompts: bool = False
    short: Sequence[str] = ("--short",)  # of a scenario: what makes it a rehearsal

    @property
    def name(self) -> str:
        """As a person asks for it."""
        return self.module.rpartition(".")[2]

    def has(self, wanted: str) -> bool:
        """Whether it is asked for by name, or by one of its goals."""
        return not wanted or wanted == self.name or any(within(wanted, goal) for goal in self.goals)


MEASUREMENTS = (
    Measurement("bench.voice.pacing", ("voice",)),
    Measurement("bench.chaos.handles", ("handles",)),
    Measurement("bench.translation.glossary", ("glossary",)),
    Measurement("bench.strangers.largest", ("S1.loop_held_ms",)),
    Measurement("bench.masks", ("masks",)),
    Measurement("bench.formality", ("formality",)),
    Measurement("bench.capacity.batching", ("batching",), ("--device", "cpu")),
    Measurement("bench.capacity.batching", ("G1",), ("--device", "cuda")),
    Measurement("bench.capacity.leaks", ("leaks",)),
    Measurement("bench.chaos.archive", ("archive",)),
    Measurement("bench.chaos.archive", ("archive.s3",), ("--store", "s3")),
    Measurement("bench.chaos.outages", ("outages",)),
    Measurement("bench.chaos.rolling", ("rolling",)),
    Measurement("bench.chaos.clock", ("clock",)),
    Measurement("bench.capacity.load", ("load",)),
    Measurement("bench.strangers.tenants", ("tenants",)),
    Measurement("bench.strangers.rotation", ("rotation",), short=("--rotations", "2")),
    Measurement("bench.strangers.doors", ("doors",), short=("--pairs", "1")),
    Measurement("bench.strangers.attempts", ("attempts",), short=()),
    Measurement("bench.strangers.quotas", ("quotas",), short=("--seconds", "60")),
    Measurement("bench.capacity.autoscale", ("autoscale",)),
    Measurement("bench.capacity.flow", ("C4",)),
    Measurement("bench.chaos.overload", ("C6",)),
    Measurement("bench.hostile", ("S1",)),
    Measurement("bench.hostile", ("S1.doors",), ("--doors",)),
    Measurement("bench.hostile", ("S1.masks",), ("--masks",)),
    Measurement("bench.hostile", ("S1.everything",), ("--everything",)),
    Measurement("bench.chaos.stalled", ("stalled",)),
    Measurement("bench.chaos.reconnect", ("R4.reconnect",), short=("--seconds", "5")),
    Measurement("bench.chaos.loss", ("R4.loss",)),
    Measurement("bench.chaos.partitions", ("R4.partition",)),
    Measurement("bench.chaos.embedded", ("R1.embedded",)),
    Measurement("bench.chaos.gateways", ("R2",)),
    Measurement("bench.rooms.meeting", ("rooms.meeting",), ("--seconds", "21"), short=("--listeners", "20")),
    Measurement("bench.rooms.listeners", ("rooms.listeners",), ("--seconds", "30"), short=("--many", "50")),
    Measurement("bench.rooms.density", ("rooms.density",), ("--rooms", "40"), short=("--seconds", "10")),
    Measurement("bench.webrtc.latency", ("webrtc.latency",), short=("--utterances", "2", "--peers", "1")),
    Measurement("bench.capacity.hops", ("C2",), short=("--segments", "2", "--pairs", "1")),
    Measurement("bench.capacity.messages", ("C3", "C9"), short=("--sessions", "2", "--seconds", "4", "--pairs", "1")),
    Measurement("bench.capacity.fanout", ("C8",)),
    Measurement("bench.capacity.telemetry", ("C7",)),
    Measurement("bench.recognition.asr_density", ("asr_density",)),
    Measurement("bench.translation.mt_memory", ("mt_memory",)),
    Measurement("bench.translation.mt_ways", ("N3",)),
    Measurement("bench.translation.mt_engines", ("mt_engines",), ("--device", "cpu")),
    Measurement("bench.translation.mt_engines", ("G2",), ("--device", "cuda")),
    Measurement("bench.strangers.resets", ("resets",), short=("--resets", "1000", "--seconds", "60")),
    Measurement("bench.capacity.slow", ("slow",), ("--engines", "small")),
    Measurement("bench.chaos.kills", ("R1",)),
    Measurement("bench.chaos.kills", ("R1.doors",), ("--doors",)),
    Measurement("bench.chaos.kills", ("R1.everything",), ("--everything", "--sessions", "20")),
    Measurement("bench.chaos.freezes", ("R3",)),
    Measurement("bench.audio.resampling", ("resampling",)),
    Measurement("bench.audio.flac_streams", ("flac",), short=("--minutes", "0.5")),
    Measurement("bench.recognition.silence", ("N.silence",)),
    Measurement("bench.recognition.noise", ("N2",), reads_prompts=True),
    Measurement("bench.audio.loss", ("L1",), reads_prompts=True),
    Measurement("bench.webrtc.loss", ("webrtc.loss",), reads_prompts=True, short=()),
    Measurement("bench.voice.voices_heard", ("N4",)),
    Measurement("bench.voice.voice_windows", ("V1",)),
    Measurement(
        "bench.sessions.quality",
        ("C1", "C5", "N1", "N5", "quality"),
        ("--arms", "endpointed,retranslate,balanced"),
        True,
    ),
    Measurement("bench.sessions.quality", ("C1.doors",), ("--doors",), True),
    Measurement("bench.sessions.quality", ("C1.masks",), ("--masks",), True),
    Measurement("bench.sessions.quality", ("C1.everything",), ("--everything",), True),
    Measurement("bench.chaos.soak", ("soak",)),
    Measurement("bench.rooms.soak", ("rooms.soak",), short=("--minutes", "1")),
)


def main() -> None:
    """Ends with status 1 when a goal was missed, or not measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="GOAL")
    parser.add_argument("--prompts", default="", metavar="CORPUS.jsonl", help="recordings that quality is measured on")
    parser.add_argument("--read", action="store_true", help="print what was measured last")
    told = parser.parse_args()
    chosen = [each for each in MEASUREMENTS if each.has(told.only)]
    if not chosen:
        parser.error(f"no measurement has {told.only}. There are {', '.join(each.name for each in MEASUREMENTS)}.")
    if told.prompts and not Path(told.prompts).is_file():
        parser.error(f"--prompts: there is no file {told.prompts}")
    if told.read:
        sys.exit(not printed(found(0.0), told.only))
    sys.exit(not all([measured(each, told.only, told.prompts) for each in chosen]))


def measured(measurement: Measurement, only: str = "", prompts: str = "", options: Sequence[str] = ()) -> bool:
    """Run one and print its goals; return whether it has reached all that are asked for."""
    if measurement.reads_prompts and not prompts:
        print(f"{', '.join(measurement.goals)}  not measured: needs --prompts CORPUS.jsonl", flush=True)
        return False
    OUT.mkdir(exist_ok=True)
    log = OUT / f"{measurement.name}.log"
    began = time.time()
    corpus = [prompts] if measurement.reads_prompts else []
    command = [sys.executable, "-m", measurement.module, *corpus, *options, *measurement.options]
    print(f"... {' '.join(command[1:])}", file=sys.stderr, flush=True)
    with log.open("w") as output:
        ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    files = found(began)
    if not files:
        last = next(reversed(log.read_text().splitlines()), "")
        print(f"{', '.join(measurement.goals)}  not measured (status {ended.returncode}): {last}", flush=True)
        return ended.returncode == 0 and "skipped" in last.lower()
    return printed(files, "" if only == measurement.name else only)


def found(since: float) -> list[Path]:
    """What was written from then on, oldest first. Rehearsals count only right after they were run."""
    files = sorted(OUT.glob("*.json"), key=lambda path: path.stat().st_mtime)
    return [path for path in files if path.stat().st_mtime >= since and (since or not path.stem.endswith("-short"))]


def printed(files: Sequence[Path], only: str) -> bool:
    """One line a goal; whether all were reached."""
    goals = list(_goals(files, only))
    for key, goal, name in goals:
        verdict = "reached" if goal["ok"] else "MISSED"
        print(f"{key:28} {goal['value']:>12.6g}  bound {goal['bound']:<8g} {verdict:8} {name}", flush=True)
    return all(goal["ok"] for _, goal, _ in goals)


def within(wanted: str, goal: str) -> bool:
    """Whether a goal is another, or a part of it: C1 has C1.chrf, and C1.chrf is of C1."""
    return f"{goal}.".startswith(f"{wanted}.") or f"{wanted}.".startswith(f"{goal}.")


def _goals(files: Sequence[Path], only: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    for path in files:
        for key, goal in json.loads(path.read_text()).get("goals", {}).items():
            if not only or within(only, key):
                yield key, goal, path.name


if __name__ == "__main__":
    main()
