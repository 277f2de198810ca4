"""Settings of the archive: `GATEWAY_ARCHIVE*`. Without the first of them nothing is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from services.common.settings import ServiceSettings
from services.gateway.archive import s3_store
from services.gateway.archive.hiding import LEAST_SECRET_BYTES

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class ArchiveSettings(ServiceSettings):
    """Settings of what is kept of sessions, for how long, and under whose keys."""

    archive: str = Field(
        "",
        description="Folder, or s3://BUCKET/PREFIX (the extra `s3`), where concluded text is kept, encrypted. Empty: "
        "nothing is kept.",
    )
    archive_s3_endpoint: str = Field(
        "", description="URL of the S3-compatible store, https:// (http:// on loopback). Empty: that of AWS."
    )
    archive_s3_region: str = Field("", description="Region of the bucket. Empty: AWS_REGION's.")
    archive_s3_access_key_id: SecretStr | None = Field(
        None, description="Key id for the bucket; unset: the environment's, or the machine's own role."
    )
    archive_s3_secret_access_key: SecretStr | None = Field(None, description="Secret of that key.")
    archive_secret: SecretStr | None = Field(
        None,
        description="Hides names in the archive and signs its audit log: 32 bytes or more, the same on all gateways.",
    )
    archive_keys: str = Field(
        "",
        description="Who has the tenants' keys: a folder of NAME.key (default.key where no tenant calls), or the URL "
        "of a key service, https:// (http:// on loopback).",
    )
    archive_keys_token: SecretStr | None = Field(None, description="Bearer token for the key service.")
    archive_keys_timeout_ms: int = Field(2000, ge=50, le=60_000, description="Longest wait for a key.")
    archive_without_keys: str = Field(
        "refuse",
        pattern="^(refuse|go-on)$",
        description="A session that cannot be archived is refused, or goes on without, and its client is told.",
    )
    archive_tenants: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Tenants whose sessions are archived, with commas between; none: everybody's."
    )
    archive_audio: bool = Field(False, description="Whether source audio is kept as well.")
    archive_days: int = Field(30, ge=1, le=36_500, description="Days until a session is deleted.")
    archive_tenant_days: dict[str, int] = Field({}, description='Days of certain tenants, as in {"clinic": 365}.')
    archive_class_days: dict[str, int] = Field(
        {}, description='Days of certain quota classes, as in {"trial": 7}; those of a tenant come first.'
    )
    archive_sweep_seconds: float = Field(
        3600, ge=1, le=86_400, description="How often what is too old is looked for and deleted."
    )
    archive_flush_ms: int = Field(
        500,
        ge=10,
        le=60_000,
        description="What is concluded is written, and on the disk, after so long or little more.",
    )
    archive_retry_ms: int = Field(
        30_000,
        ge=100,
        le=600_000,
        description="How long a store that fails is tried again; then what waited for it counts as lost.",
    )
    archive_audit: Path | None = Field(
        None, description="File of the audit log; unset: audit.log in the archive's folder. Needed with a bucket."
    )
    archive_operators: SecretStr | None = Field(
        None,
        description="Who may list, export, delete and verify, at the operators' port: name:secret, of 32 bytes or "
        "more, with commas between. None: nobody.",
    )
    archive_subject_metadata: str = Field(
        "babelmesh-subject",
        pattern=r"^[0-9a-z_.-]+$",
        description="Metadata key by which a client says whom its session is about, for deletion by person.",
    )

    @property
    def archives(self) -> bool:
        """Whether anything is kept."""
        return bool(self.archive)

    def archives_of(self, tenant: str) -> bool:
        """Whether a tenant's sessions are kept."""
        return self.archives and (not self.archive_tenants or tenant in self.archive_tenants)

    @field_validator("archive_tenants", mode="before")
    @classmethod
    def _split_tenants(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("archive_tenant_days", "archive_class_days")
    @classmethod
    def _require_days(cls, value: dict[str, int]) -> dict[str, int]:
        for days in value.values():
            if not 1 <= days <= 36_500:
                raise ValueError(f"{days} is no number of days from 1 to 36500")
        return value

    @field_validator("archive_keys", "archive_s3_endpoint")
    @classmethod
    def _require_safe(cls, value: str) -> str:
        at = urlsplit(value)
        if at.scheme == "http" and at.hostname not in _LOOPBACK:
            raise ValueError("nothing is sent there without TLS: https://, or http:// on loopback")
        return value

    @field_validator("archive_operators")
    @classmethod
    def _require_operators(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            operators(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _require_all(self) -> Self:
        if not self.archive:
            return self
        if self.archive_secret is None or len(self.archive_secret.get_secret_value().encode()) < LEAST_SECRET_BYTES:
            raise ValueError(f"archive_secret: an archive needs one of {LEAST_SECRET_BYTES} bytes or more")
        if "://" in self.archive:
            self._require_bucket()
        if not self.archive_keys:
            raise ValueError("archive_keys: an archive needs the tenants' keys, a folder or the URL of a key service")
        return self

    def _require_bucket(self) -> None:
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[A-Za-z0-9._-]+)*", self.archive):
            raise ValueError("archive: it is to be a folder, or s3://BUCKET/PREFIX")
        if not s3_store.installed():
            raise ValueError("archive: the extra babelmesh-server[s3] is not installed")
        if self.archive_audit is None:
            raise ValueError("archive_audit: the audit log is a file, which an archive in a bucket has to be told")
        if (self.archive_s3_access_key_id is None) != (self.archive_s3_secret_access_key is None):
            raise ValueError("archive_s3_secret_access_key: the id of a key and its secret go together")


def operators(text: str) -> dict[str, str]:
    """The secrets of operators by name. Raises ValueError, which names no secret."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, secret = part.strip().partition(":")
        if not name or name in found or len(secret.encode()) < LEAST_SECRET_BYTES:
            raise ValueError(
                f"operator {len(found) + 1} is not name:secret, each name once, {LEAST_SECRET_BYTES} bytes or more"
            )
        found[name] = secret
    return found
