"""A mesh on simulated time, in ticks of three seconds: sessions one by one, calls to MT and TTS as a fluid.

A session takes the gateway, then the recognizer, with most free slots (`services/gateway/stages/replicas.py`), but none
of the reserve; refused, it asks on for a while, and is rejected in the end. Its calls to MT and TTS come at the rates
that were recorded; of a segment that still grows no more than one translation is under way, so slow answers make fewer
of them, while final segments wait for theirs. A pod that drains hands its sessions on when a segment ends, where
there is a slot, reserve included; those left at the end of its grace are killed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bench.scaling.device import Device, Queue
from bench.scaling.fleet import Fleet, Numbers
from bench.scaling.recorded import Recorded
from bench.scaling.traffic import SERVICES, TICK_SECONDS, USUAL_SPEECH, Arrivals, Scenario

DEVICES = {"mt": Device(batch=32, compute_seconds=0.1), "tts": Device(batch=32, compute_seconds=0.1)}
PLANNED_SPEECH = {"mt": USUAL_SPEECH, "tts": 1.0}  # TTS keeps up when all speak; MT's interim translations give way
PATIENCE_TICKS = 5  # a refused session asks again as it was told (every half second) for 15 s, then it is rejected
LAG_SECONDS = 7.5  # a session-second with more is a miss
SEGMENT_SECONDS = 6.0  # within which half the sessions of a draining pod reach a segment's end


@dataclass(slots=True)
class Outcome:
    """Of one run."""

    sessions: int = 0
    rejected: int = 0
    session_seconds: float = 0.0
    missed_seconds: float = 0.0  # of sessions, with too much lag
    moved: int = 0
    killed: int = 0
    pod_hours: dict[str, float] = field(default_factory=dict)
    scalings: int = 0
    most: dict[str, int] = field(default_factory=dict)  # replicas

    @property
    def all_pod_hours(self) -> float:
        """Of all workloads."""
        return sum(self.pod_hours.values())

    @property
    def gpu_hours(self) -> float:
        """Of the stages: a GPU, or a slice of one, for each pod."""
        return self.all_pod_hours - self.pod_hours["gateway"]


class Mesh:
    """What an autoscaler looks at, and scales."""

    def __init__(self, scenario: Scenario, arrivals: Arrivals, recorded: Recorded, replicas: dict[str, int]) -> None:
        self.scenario, self.recorded = scenario, recorded
        self.now = 0.0
        self.fleets = {name: Fleet(scenario.pods[name], 0.0, replicas[name]) for name in SERVICES}
        self.queues = {stage: Queue(device, recorded.shape(stage)) for stage, device in DEVICES.items()}
        self.refused = {"gateway": 0, "asr": 0}  # sessions that ask again and again, by who refused them
        self.outcome = Outcome(sessions=arrivals.total)
        self.sessions = 0
        self._arrivals = arrivals
        self._next = 0  # session to come
        self._again: list[tuple[int, int]] = []  # refused so far: session, and ticks it goes on asking
        self._leaving: dict[int, list[int]] = defaultdict(list)  # by tick
        self._of: dict[str, npt.NDArray[np.int32]] = {
            name: np.full(arrivals.total, -1, dtype=np.int32) for name in ("gateway", "asr")
        }
        self._lags = np.array(recorded.lag_seconds)
        self._shares = np.linspace(1.0, 0.0, len(self._lags))  # of segments with more lag than each
        self._floor = {stage: device.compute_seconds * 1.5 for stage, device in DEVICES.items()}  # in the recorded lag

    @property
    def turned_away(self) -> int:
        """Sessions about to ask again, whoever had no place for them: the gateways do not tell them apart."""
        return sum(self.refused.values())

    def tick(self, number: int) -> None:
        """Three seconds pass."""
        self.now = (number + 1) * TICK_SECONDS
        for fleet in self.fleets.values():
            fleet.advance(self.now, TICK_SECONDS)
        for session in self._leaving.pop(number, ()):
            self._end(session)
        self._drain()
        self._arrive(number)
        self._compute()
        self._account()

    def _end(self, session: int) -> None:
        for name, pods in self._of.items():
            row = pods[session]
            if row < 0:
                return  # it was killed
            self.fleets[name].used[row] -= 1
            pods[session] = -1
        self.sessions -= 1

    def _arrive(self, number: int) -> None:
        came = int(self._arrivals.counts[number])
        asking = self._again + [(each, PATIENCE_TICKS) for each in range(self._next, self._next + came)]
        self._next += came
        self._again = []
        free = {name: self.fleets[name].free for name in self._of}
        refused = dict.fromkeys(self._of, 0)
        for session, patience in asking:
            full = self._admit(session, free, number)
            if full and patience:
                refused[full] += 1
                self._again.append((session, patience - 1))
            elif full:
                self.outcome.rejected += 1
        self.refused = refused

    def _admit(self, session: int, free: dict[str, npt.NDArray[np.int64]], number: int) -> str:
        """Takes its slots; or tells which workload had none."""
        rows = {name: int(of.argmax()) for name, of in free.items()}
        for name, row in rows.items():
            if free[name][row] <= self.fleets[name].kind.reserved:
                return name
        for name, row in rows.items():
            free[name][row] -= 1
            self.fleets[name].used[row] += 1
            self._of[name][session] = row
        self.sessions += 1
        late = number - int(self._arrivals.ticks[session])
        self._leaving[max(number + 1, int(self._arrivals.ends[session]) + late)].append(session)
        return ""

    def _drain(self) -> None:
        for name, pods in self._of.items():
            fleet = self.fleets[name]
            for row in fleet.draining:
                self._leave(name, row, np.flatnonzero(pods == row))

    def _leave(self, name: str, row: int, sessions: npt.NDArray[np.int64]) -> None:
        fleet, pods = self.fleets[name], self._of[name]
        share = 1 - 0.5 ** (TICK_SECONDS / SEGMENT_SECONDS)
        for session in sessions[: int(np.ceil(len(sessions) * share))].tolist():
            free = fleet.free
            other = int(free.argmax())
            if free[other] <= 0:
                break
            fleet.used[other] += 1
            fleet.used[row] -= 1
            pods[session] = other
            self.outcome.moved += 1
        if fleet.drained_by[row] <= self.now + TICK_SECONDS:
            left = np.flatnonzero(pods == row).tolist()
            self.outcome.killed += len(left)
            for session in left:
                self._end(session)

    def _compute(self) -> None:
        recorded = self.recorded
        calls = recorded.calls(self.sessions * self.scenario.speech)
        slower = self.scenario.slower
        for stage, queue in self.queues.items():
            times = slower.times if slower.stage == stage and slower.since <= self.now < slower.until else 1.0
            queue.device = replace(DEVICES[stage], compute_seconds=DEVICES[stage].compute_seconds * times)
            queue.pass_time(TICK_SECONDS, calls[stage], int(self.fleets[stage].serving.sum()))

    def carried(self, stage: str) -> float:
        """Sessions that one pod of MT or TTS keeps up with."""
        return self.recorded.carried(stage, DEVICES[stage], PLANNED_SPEECH[stage])

    def cpu(self, name: str) -> Numbers:
        """Cores in use, by row."""
        fleet, recorded = self.fleets[name], self.recorded
        if name in self._of:
            return np.asarray(fleet.used * recorded.cpu(name, self.scenario.speech), dtype=np.float64)
        cost = recorded.mt_cpu if name == "mt" else recorded.tts_cpu
        pods = max(1, int(fleet.serving.sum()))
        return np.where(fleet.serving, self.queues[name].served * cost / pods, 0.0)

    def request(self, name: str) -> float:
        """Cores a pod asks for: what it uses when all it has is in use, by sessions that speak as much as most do."""
        recorded, slots = self.recorded, self.fleets[name].kind.slots
        if name in self._of:
            return slots * recorded.cpu(name, USUAL_SPEECH)
        return DEVICES[name].capacity() * (recorded.mt_cpu if name == "mt" else recorded.tts_cpu)

    def _account(self) -> None:
        more = sum(
            max(0.0, queue.wait_seconds + queue.device.compute_seconds - self._floor[stage])
            for stage, queue in self.queues.items()
        )
        allowed = LAG_SECONDS - more
        missed = 0.0 if allowed >= self._lags[-1] else float(np.interp(allowed, self._lags, self._shares, left=1.0))
        self.outcome.session_seconds += self.sessions * TICK_SECONDS
        self.outcome.missed_seconds += self.sessions * TICK_SECONDS * missed
