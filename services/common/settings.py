"""Settings of a service: environment variables with the service's prefix, checked when it starts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

_CALLER = re.compile(r"spiffe://[a-z0-9._-]+(/[\w.-]+)+|[A-Za-z0-9.-]+")
# Kubernetes sets these for every Service in the namespace; they are addresses, not settings of ours.
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_(HOST|PORT\w*)=.*|PORT_\d+_\w+=.*|PORT=\w+://.*)")


def address(value: str) -> str:
    """Return the value, if it is host:port. Raises ValueError."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{value!r} is not host:port")
    return value


def parts(value: object) -> object:
    """Return the parts of a text with commas between, none of an empty one; any other value as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(address)]


def caller(value: str) -> str:
    """Return the value, if it is a SPIFFE id or a DNS name. Raises ValueError."""
    if not _CALLER.fullmatch(value):
        raise ValueError(f"{value!r} is neither a SPIFFE id, spiffe://domain/path, nor a DNS name")
    return value


Caller = Annotated[str, AfterValidator(caller)]
Callers = Annotated[tuple[Caller, ...], NoDecode, BeforeValidator(parts)]
CALLERS = "SPIFFE ids and DNS names, with commas between, one of which a caller's certificate has to hold; empty: any."


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
    health: Address | None = Field(
        None,
        description="Address to serve health alone on, without TLS, for probes that do not speak it; none: it is not.",
    )
    plaintext: bool = Field(
        False,
        description="Whether addresses that other machines reach are served without TLS: behind a proxy or in a mesh "
        "that encrypts. Loopback is without it unless a certificate is set.",
    )
    tls_certificate: Path | None = Field(
        None, description="File (PEM) of the certificate to serve with, and those up to its authority; none: plaintext."
    )
    tls_key: Path | None = Field(None, description="File (PEM) of the certificate's key, not encrypted.")
    tls_client_ca: Path | None = Field(
        None, description="File (PEM) of authorities: callers have to show a certificate of theirs; none: they do not."
    )
    tls_callers: Callers = Field((), description=CALLERS)
    tls_revoked: FilePath | None = Field(
        None,
        description="File of callers' certificates that are not good any more, one a line: SPIFFE id, DNS name, or "
        "serial:HEX. Read again when it changes.",
    )
    tls_reload_seconds: float = Field(
        5.0, ge=0.05, le=3600, description="How often files of certificates are looked at for new ones."
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from: no files, and the environment only where it has a variable with the prefix.

        To ask a source for each field takes most of the time of making settings, even where it has none of them.
        """
        prefix = cls.model_config.get("env_prefix", "").lower()
        read = any(name.lower().startswith(prefix) for name in os.environ)
        return (init_settings, env_settings) if read else (init_settings,)

    def variable(self, field: str) -> str:
        """Return the environment variable of a field, for example ASR_TLS_KEY."""
        return f"{self.model_config.get('env_prefix', '')}{field.upper()}"

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


class CallerSettings(ServiceSettings):
    """Settings of a service that calls stages, beside its own."""

    stages_plaintext: bool = Field(
        False, description="Whether stages on other machines are called without TLS: in a mesh that encrypts."
    )
    stages_tls_ca: Path | None = Field(
        None, description="File (PEM) of authorities that stages' certificates have to be of; none: plaintext."
    )
    stages_tls_certificate: Path | None = Field(
        None, description="File (PEM) of the certificate to show to stages that ask for one; none: none is shown."
    )
    stages_tls_key: Path | None = Field(None, description="File (PEM) of that certificate's key, not encrypted.")
    asr_tls_name: str = Field(
        "", description="DNS name that recognizers' certificates have to hold; empty: the host of the endpoint."
    )
    mt_tls_name: str = Field("", description="Likewise for translators.")
    tts_tls_name: str = Field("", description="Likewise for synthesizers.")
    peer_tls_name: str = Field("", description="Likewise for gateways, at their operators' ports.")


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
