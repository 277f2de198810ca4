"""What our services were seen to do (`python -m bench.capacity.autoscale --record`): the simulation's parameters."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.scaling.device import Calls, Device, Shape

FILE = Path(__file__).parent / "recorded.json"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Rates are of one session with one target, a second of its speech; CPU is in seconds of one core."""

    machine: str
    date: str
    mt_finals: float  # translations of final segments
    mt_revisions: float  # of segments that still grow, where the answers come at once
    tts_clauses: float
    tts_pieces: float  # that the engine computes one after the other
    gateway_cpu: float  # of a session that speaks
    asr_cpu: float
    gateway_quiet_cpu: float  # of one that is silent
    asr_quiet_cpu: float
    mt_cpu: float  # for each call
    tts_cpu: float  # for each piece
    lag_seconds: tuple[float, ...]  # of segments, at equal shares from the least to the most
    compute_ms: float  # of the engines' devices meanwhile
    targets: int  # of the sessions recorded

    @classmethod
    def read(cls, path: Path = FILE) -> Recorded:
        """What was written last."""
        content = json.loads(path.read_text())["parameters"]
        return cls(**{**content, "lag_seconds": tuple(content["lag_seconds"])})

    def cpu(self, name: str, speech: float) -> float:
        """Cores for one session at the gateway, or at ASR, that speaks for such a share of the time."""
        speaks, quiet = (
            (self.gateway_cpu, self.gateway_quiet_cpu) if name == "gateway" else (self.asr_cpu, self.asr_quiet_cpu)
        )
        return speech * speaks + (1 - speech) * quiet

    def shape(self, stage: str) -> Shape:
        """How work comes: all targets of a session at once, and a clause of speech in pieces."""
        return Shape(self.targets, self.tts_pieces / self.tts_clauses if stage == "tts" else 1.0)

    def calls(self, speaking: float) -> dict[str, Calls]:
        """Of so many sessions that speak, by stage."""
        callers = speaking * self.targets
        return {
            "mt": Calls(callers * self.mt_finals, callers * self.mt_revisions, callers),
            "tts": Calls(callers * self.tts_pieces, callers=callers),
        }

    def carried(self, stage: str, device: Device, speech: float) -> float:
        """Sessions that one replica of MT or TTS can keep up with, when they speak for such a share of the time."""
        calls = self.calls(speech)[stage]
        return device.capacity() / (calls.rate + calls.elastic_rate)

    def as_json(self) -> dict[str, object]:
        """For the file."""
        return asdict(self)
