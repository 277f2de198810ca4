"""The simulation on the very sessions that were recorded: whether it tells what the real services told."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from bench.measuring.report import Rows
from bench.scaling.device import Device, Queue
from bench.scaling.recorded import FILE, Recorded

IDLE_ROUND = 0  # what an idle process costs is read off the smallest round


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure."""

    sessions: int
    what: str
    real: float
    simulated: float
    told: bool = True  # by the services; False: CPU, measured from outside

    @property
    def error(self) -> float:
        """Of the simulated, in shares of the real."""
        return (self.simulated - self.real) / self.real if self.real else 0.0


def pairs(recorded: Recorded) -> list[Pair]:
    """Every figure of every round in which somebody spoke; those no stage told, as zero, are left out."""
    content = json.loads(FILE.read_text())
    devices = {stage: Device(**each) for stage, each in content["devices"].items()}
    rounds = [each for each in content["rounds"] if each["voice_seconds"]]
    found = [pair for each in rounds for pair in _told(each, devices, recorded)]
    found += [pair for each in rounds[1:] for pair in _used(each, rounds[IDLE_ROUND], recorded)]
    return [pair for pair in found if pair.real]


def _told(each: dict[str, Any], devices: dict[str, Device], recorded: Recorded) -> list[Pair]:
    sessions, calls = each["sessions"], recorded.calls(each["sessions"])
    # What MT's batches part comes to TTS a batch apart: of targets that find MT idle, the first begins alone.
    apart = 1 - devices["mt"].busy(calls["mt"].rate + calls["mt"].elastic_rate, recorded.shape("mt"))
    shapes = {"mt": recorded.shape("mt"), "tts": replace(recorded.shape("tts"), apart=apart)}
    found = [Pair(sessions, "slots used, asr", each["told"]["asr"]["slots_used"], sessions)]
    for stage, device in devices.items():
        queue = Queue(device, shapes[stage])
        for _ in range(20):
            queue.pass_time(3.0, calls[stage], replicas=1)
        told = each["told"][stage]
        found.append(Pair(sessions, f"fill, {stage}", told["fill"], queue.fill))
        found.append(Pair(sessions, f"queue seconds, {stage}", told["queue_seconds"], queue.queue_seconds))
        in_hand = queue.served * (queue.wait_seconds + device.compute_seconds)
        found.append(Pair(sessions, f"slots used, {stage}", told["slots_used"], in_hand))
    return found


def _used(each: dict[str, Any], first: dict[str, Any], recorded: Recorded) -> list[Pair]:
    """CPU seconds more than in the first round."""
    seconds = each["stream_seconds"] - first["stream_seconds"]
    callers = seconds * recorded.targets
    cost = {
        "gateway": seconds * recorded.gateway_cpu,
        "asr": seconds * recorded.asr_cpu,
        "mt": callers * (recorded.mt_finals + recorded.mt_revisions) * recorded.mt_cpu,
        "tts": callers * recorded.tts_pieces * recorded.tts_cpu,
    }
    real = {name: each["cpu_seconds"][name] - first["cpu_seconds"][name] for name in cost}
    return [Pair(each["sessions"], f"CPU s more, {name}", real[name], cost[name], told=False) for name in cost]


def largest_error(found: list[Pair], told: bool) -> float:
    """The largest error, of what the services told of themselves or of the CPU they used."""
    return max(abs(pair.error) for pair in found if pair.told is told)


def reproduced_table(found: list[Pair]) -> Rows:
    """One row a figure."""
    table = Rows("The recorded sessions, simulated", ("figure", "sessions", "recorded", "simulated", "error %"))
    for pair in sorted(found, key=lambda each: (each.what, each.sessions)):
        table.add(pair.what, pair.sessions, pair.real, pair.simulated, 100 * pair.error)
    return table
