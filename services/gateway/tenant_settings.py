"""Settings of who may call a gateway, and of how much each tenant may have: `GATEWAY_TOKENS_*`, `GATEWAY_QUOTAS*`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from services.common.settings import ServiceSettings


class TenantSettings(ServiceSettings):
    """Settings about tenants: their tokens, their quotas, and what they used."""

    tenant_metadata: str = Field(
        "",
        pattern=r"^[0-9a-z_.-]*$",
        description="Metadata key by which a proxy tells whose call it is: handles are bound to it, and slots shared "
        "out by it. Empty: handles are nobody's, and slots are shared out by the address of who calls.",
    )
    tokens_jwks: str = Field(
        "",
        description="Public keys that sign tokens (EdDSA, ES256, RS256), a JWKS: a file, or an https:// URL (http:// "
        "on loopback). Without it and tokens_secrets no tokens are asked for.",
    )
    tokens_secrets: FilePath | None = Field(
        None, description="File of secrets that sign tokens (HS256), a line id:secret each, of 32 bytes or more."
    )
    tokens_issuer: str = Field("", description="Who issues the tokens: their claim iss.")
    tokens_audience: str = Field("babelmesh", min_length=1, description="What the claim aud of tokens has to name.")
    tokens_max_seconds: float = Field(3600, ge=1, le=3600, description="Longest life of a token, from iat to exp.")
    tokens_skew_seconds: float = Field(30, ge=0, le=300, description="By how much an issuer's clock may be off.")
    tokens_grace_seconds: float = Field(
        30, ge=0, le=3600, description="How long a session goes on when its token has expired and no fresh one came."
    )
    tokens_notice_seconds: float = Field(
        60,
        ge=0,
        le=3600,
        description="How long before its token expires a session is told; half the token's time at most.",
    )
    tokens_refresh_seconds: float = Field(
        300, ge=1, le=86_400, description="How often the keys of an URL are fetched; files are read when they change."
    )
    tokens_revoked: FilePath | None = Field(
        None, description="File with the jti of a revoked token in each line; tokens then need one."
    )

    quotas: FilePath | None = Field(
        None, description="File of quota classes (JSON): what the tenants of each may have. None: no quotas."
    )
    quotas_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey where gateways count quotas together: redis://, rediss:// or unix://. None: each "
        "gateway counts alone.",
    )
    quotas_outage: str = Field(
        "share",
        pattern="^(share|refuse)$",
        description="What becomes of new sessions while quotas_url is away: share lets them in within this gateway's "
        "share of what was left, refuse lets none in. Sessions that run go on within that share.",
    )
    usage: Path | None = Field(
        None, description="File that gets a line of JSON for each session that ended: what it used. None: none is."
    )

    @property
    def asks_for_tokens(self) -> bool:
        """Whether calls need a token."""
        return bool(self.tokens_jwks or self.tokens_secrets)

    @property
    def tells_tenants(self) -> bool:
        """Whether tenants are told apart: by their tokens, or by a proxy."""
        return self.asks_for_tokens or bool(self.tenant_metadata)

    @model_validator(mode="after")
    def _agree_about_tokens(self) -> Self:
        if self.asks_for_tokens and not self.tokens_issuer:
            raise ValueError("tokens_issuer: say who issues the tokens")
        if self.asks_for_tokens and self.tenant_metadata:
            raise ValueError("tenant_metadata: the tokens tell the tenant; leave it out")
        given = sorted(each for each in self.model_fields_set if each.startswith("tokens_"))
        if given and not self.asks_for_tokens:
            raise ValueError(f"{given[0]}: no tokens are asked for without tokens_jwks or tokens_secrets")
        return self

    @model_validator(mode="after")
    def _agree_about_quotas(self) -> Self:
        for name in ("quotas_url", "quotas_outage"):
            needed = "quotas" if name == "quotas_url" else "quotas_url"
            if name in self.model_fields_set and getattr(self, needed) is None:
                raise ValueError(f"{name}: it is not read without {needed}")
        return self

    @field_validator("quotas_url")
    @classmethod
    def _require_store(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it is none of redis://, rediss:// and unix://")
        return value

    @field_validator("tokens_jwks")
    @classmethod
    def _require_source(cls, value: str) -> str:
        if "://" in value and not trusted_url(value):
            raise ValueError("it is neither a file nor an https:// URL; http:// is for this machine alone")
        if value and "://" not in value and not Path(value).is_file():
            raise ValueError("there is no such file")
        return value

    @field_validator("tenant_metadata")
    @classmethod
    def _require_text(cls, value: str) -> str:
        if value.endswith("-bin") or value.startswith("grpc-"):
            raise ValueError(f"{value!r} holds no text: keys that end in -bin are bytes, those of grpc- are gRPC's own")
        return value


def trusted_url(url: str) -> bool:
    """Whether keys may be fetched from an URL: https, or http on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and on_loopback(host)))


def on_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
