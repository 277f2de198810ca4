"""The contract's closed sets of values, by the names that the gateway has for them."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb

ORIGINS = {True: pb.ORIGIN_TYPED, False: pb.ORIGIN_SPOKEN}  # how a source text reached the gateway; True: typed


def stage(name: str) -> pb.Stage.ValueType:
    """The stage "ASR", "MT" or "TTS"; unspecified for an empty name, or one of another service."""
    return pb.Stage.ValueType(dict(pb.Stage.items()).get(f"STAGE_{name}", pb.STAGE_UNSPECIFIED))


def stage_name(value: pb.Stage.ValueType) -> str:
    """The name of a stage, as in "ASR"; empty for none."""
    return "" if value == pb.STAGE_UNSPECIFIED else pb.Stage.Name(value).removeprefix("STAGE_")


def degraded_reason(name: str) -> pb.DegradedReason.ValueType:
    """The reason for a degradation, as in "MAX_LAG"."""
    return pb.DegradedReason.Value(f"DEGRADED_REASON_{name}")


def degraded_reason_name(value: pb.DegradedReason.ValueType) -> str:
    """The name of a reason for a degradation, as in "MAX_LAG"."""
    return pb.DegradedReason.Name(value).removeprefix("DEGRADED_REASON_")
