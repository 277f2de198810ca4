"""Settings of a service: environment variables with the service's prefix, checked when it starts."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# Kubernetes sets these for every Service in the namespace; they are addresses, not settings of ours.
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_(HOST|PORT\w*)=.*|PORT_\d+_\w+=.*|PORT=\w+://.*)")


def address(value: str) -> str:
    """Return the value, if it is host:port. Raises ValueError."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{value!r} is not host:port")
    return value


Address = Annotated[str, AfterValidator(address)]


class ServiceSettings(BaseSettings):
    """Settings that every service has. A variable with the prefix that no field reads is an error, never ignored."""

    listen: Address = Field("127.0.0.1:0", description="Address to serve on; port 0 takes a free one.")
    slots: int = Field(8, ge=1, le=10_000, description="Streams or calls served at once.")
    drain_seconds: float = Field(30.0, ge=0, description="How long running calls may go on after a stop was asked for.")
    stalled_seconds: float = Field(
        5.0, ge=0, description="A process whose event loop stood still for so long ends itself; 0: never."
    )
    held_seconds: float = Field(
        1.0,
        ge=0,
        description="A call whose work kept the event loop busy for so long, in processor time, is ended; 0: never.",
    )
    faults: bool = Field(False, description="Whether faults can be simulated: for rehearsals, never in production.")
    reflection: bool = Field(False, description="Whether gRPC server reflection is served.")
    admin: Address | None = Field(
        None, description="Address to serve metrics on, for Prometheus, at /metrics; none: they are not served."
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @model_validator(mode="after")
    def _no_unknown_variable(self) -> Self:
        prefix = self.model_config.get("env_prefix", "")
        for name, value in os.environ.items():  # the one look beside pydantic's: what it did not read
            if not name.startswith(prefix) or _SERVICE_LINK.fullmatch(f"{name}={value}"):
                continue
            field = name.removeprefix(prefix).lower().split("__")[0]
            if field not in type(self).model_fields:
                known = ", ".join(sorted(f"{prefix}{known.upper()}" for known in type(self).model_fields))
                raise ValueError(f"{name} is not a setting. Settings: {known}")
        return self


class StageSettings(ServiceSettings):
    """Settings that every stage has, beside those of a service."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)  # some of it is secret

    engine: str = Field(
        "embedded",
        description="Name of an engine, or package.module:Class of your own; several joined by +, the first preferred.",
    )
    variants: dict[str, dict[str, Any]] = Field(
        {},
        description='Engines by other names, other options: {"quick": {"engine": "moonshine", "window_ms": 2000}}.',
    )
    tiers: str = Field(
        "",
        description="Engines of those named above, from small to large, joined by commas: each utterance gets the "
        "largest that keeps its objective on this machine. Empty: each language has one engine.",
    )
    tier: str = Field("", description="The one of the tiers that every utterance gets; empty: as the load allows.")
    tier_cores: float | None = Field(
        None, gt=0, description="Cores that utterances are predicted to fill at most; unset: three quarters of all."
    )
    tier_calm_seconds: float = Field(
        20.0, gt=0, description="Seconds of quick answers until a larger tier is tried again."
    )
    objective_ms: int = Field(
        1_000,
        ge=50,
        le=60_000,
        description="Milliseconds within which an utterance is answered, unless its call tells.",
    )
    stuck_seconds: float = Field(
        0.0, ge=0, description="An engine that answers nothing for so long is stuck, and its process ends; 0: its own."
    )
