"""What an autoscaler asks for: the metadata of a trigger, read and checked. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from services.common.errors import MOST_QUOTED, InvalidArgument, quoted
from services.gateway.operations.scale.worth import Measure

GATEWAY = "gateway"
STAGES = ("asr", "mt", "tts")
KEYS = ("stage", "measure", "target")
# KEDA reads these itself to reach us, and passes on the whole metadata.
OF_KEDA = ("scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsCertFile", "tlsClientCert", "tlsClientKey")
_OF_STAGES = {Measure.SLOTS: 0.7, Measure.FILL: 0.7, Measure.QUEUE: 1.0}
# By what each may be scaled, and what a replica is to have in hand: a share of its places; for QUEUE, seconds of wait;
# for SESSIONS of MT and TTS, a number of sessions. That has no default: it depends on the model and on the device.
TARGETS: Mapping[str, Mapping[Measure, float | None]] = {
    GATEWAY: {Measure.SESSIONS: 0.7},
    "asr": _OF_STAGES,
    "mt": {**_OF_STAGES, Measure.SESSIONS: None},
    "tts": {**_OF_STAGES, Measure.SESSIONS: None},
}
LEAST_TARGET, MOST_TARGET = 1e-3, 1e6  # of a trigger: with a smaller one the replicas wanted are no number any more


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a stage is scaled by: a measure, and how much of it one replica is worth."""

    stage: str
    measure: Measure
    target: float

    @property
    def metric(self) -> str:
        """The name of its metric, of the stage and the measure alone: KEDA numbers the triggers itself."""
        return f"babelmesh-{self.stage}-{self.measure}"

    def wanted(self, value: float) -> int:
        """How many replicas a value is worth."""
        return math.ceil(value / self.target)

    @property
    def of_mesh(self) -> bool:
        """Whether its value is a number of sessions of the mesh, whatever the stage's own replicas tell."""
        return self.measure is Measure.SESSIONS and self.stage != GATEWAY


def read(metadata: Mapping[str, str]) -> Trigger:
    """The trigger of a ScaledObject's metadata. Raises InvalidArgument naming the key and what is accepted."""
    for key in metadata:
        if key not in KEYS + OF_KEDA:
            raise _refused(key, "There is no such key.", *KEYS)
    stage = _one_of("stage", metadata, tuple(TARGETS))
    defaults = TARGETS[stage]
    measure = Measure(_one_of("measure", metadata, tuple(defaults)))
    default = defaults[measure]
    if "target" in metadata:
        return Trigger(stage, measure, _positive("target", metadata["target"]))
    if default is None:
        message = f"It is missing, and has no default for {measure} of {stage}."
        raise _refused("target", message, "how many sessions one replica is to carry, like 45")
    return Trigger(stage, measure, default)


def _one_of(key: str, metadata: Mapping[str, str], accepted: tuple[str, ...]) -> str:
    if key not in metadata:
        raise _refused(key, "It is missing.", *accepted)
    if metadata[key] not in accepted:
        raise _refused(key, f"{quoted(metadata[key])} is not one of them.", *accepted)
    return metadata[key]


def _positive(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not LEAST_TARGET <= value <= MOST_TARGET:
        accepted = f"a number above 0, like 0.75: {LEAST_TARGET:g} to {MOST_TARGET:g}"
        raise _refused(key, f"{quoted(text)} is no such number.", accepted)
    return value


def _refused(key: str, message: str, *accepted: str) -> InvalidArgument:
    return InvalidArgument("SCALER_METADATA", message, f"scalerMetadata.{key[:MOST_QUOTED]}", accepted)
