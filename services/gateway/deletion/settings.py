"""What the writer of deletion costs can be told: `DELETION_*`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.settings import CallerSettings
from services.gateway.settings import ENDPOINTS, Endpoints

_LABEL = re.compile(r"[\w./-]+=[\w.-]*")


class DeletionSettings(CallerSettings):
    """Settings of `python -m services.gateway.deletion`. It has no calls of its own: its slots mean nothing."""

    model_config = SettingsConfigDict(env_prefix="DELETION_")

    drain_seconds: float = Field(0.0, ge=0, description="It has no calls to wait for.")
    asr_endpoints: Endpoints = Field((), description=f"Recognizers: {ENDPOINTS}")
    mt_endpoints: Endpoints = Field((), description=f"Translators: {ENDPOINTS}")
    tts_endpoints: Endpoints = Field((), description=f"Synthesizers: {ENDPOINTS}")
    peer_endpoints: Endpoints = Field((), description=f"Gateways: {ENDPOINTS}")
    resolve_seconds: float = Field(5.0, ge=0.1, le=3600, description="How often names of endpoints are looked up.")
    watch_timeout_ms: int = Field(1000, ge=500, le=60_000, description="A replica that tells nothing so long is lost.")
    namespace: str = Field("", pattern=r"^[a-z0-9-]*$", description="Of the pods; empty: that of the service account.")
    selector: Annotated[dict[str, str], NoDecode] = Field(
        {"app.kubernetes.io/part-of": "babelmesh"}, description="Labels of the pods: name=value, with commas between."
    )
    interval_seconds: float = Field(10.0, ge=0.1, le=3600, description="How often the costs are looked at.")
    patches_per_second: float = Field(5.0, gt=0, le=100, description="Most pods written a second.")
    api: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="API server that asks for no credentials, as `kubectl proxy` is; empty: the cluster's own.",
    )
    service_account: Path = Field(
        Path("/var/run/secrets/kubernetes.io/serviceaccount"), description="Folder of token, namespace and ca.crt."
    )

    @field_validator("asr_endpoints", "mt_endpoints", "tts_endpoints", "peer_endpoints", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("selector", mode="before")
    @classmethod
    def _labels(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(_LABEL.fullmatch(part) for part in parts):
            raise ValueError(f"{value!r} is not name=value, with commas between")
        return dict(part.split("=", 1) for part in parts)
