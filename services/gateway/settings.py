"""Where the replicas of a stage are: fixed addresses, and names that are looked up again and again.

gRPC looks a name up only when a connection drops, and then keeps to one address: a replica that was added would get no
call.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, DirectoryPath, Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.server.slots import reserve
from services.common.settings import CALLERS, Address, Callers, CallerSettings, address
from services.gateway.archive.settings import ArchiveSettings
from services.gateway.masking.profanity import profanities
from services.gateway.masking.telephones import is_region
from services.gateway.tenant_settings import TenantSettings

SCHEME = "dns:///"
ENDPOINTS = "host:port, or dns:///name:port for each address of a name, with commas between."
LEAST_SECRET_BYTES = 32  # as long as what HS256 makes of it (RFC 7518, 3.2)


def endpoint(value: str) -> str:
    """The value, if it is host:port or dns:///name:port. Raises ValueError."""
    plain = value.removeprefix(SCHEME)
    if "/" in plain:
        raise ValueError(f"{value!r} is neither host:port nor {SCHEME}name:port")
    address(plain)
    plain.rpartition(":")[0].encode("idna")  # as a lookup would; its error is a ValueError
    return value


Endpoint = Annotated[str, AfterValidator(endpoint)]


Endpoints = Annotated[tuple[Endpoint, ...], NoDecode]


class GatewaySettings(TenantSettings, ArchiveSettings, CallerSettings):
    """Settings of the gateway. Its slots are sessions."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", hide_input_in_errors=True)  # one of them is a secret

    operations: Address = Field(
        "127.0.0.1:0",
        description="Address for operators: state, overview, autoscaler, faults, reflection. Port 0: a free one.",
    )
    operations_tls_client_ca: Path | None = Field(
        None, description="File (PEM) of authorities whose certificates operators have to show; none: tls_client_ca."
    )
    operations_tls_callers: Callers = Field((), description=CALLERS)
    client_reflection: bool = Field(
        False, description="Whether clients are served gRPC server reflection of the public contract, at `listen`."
    )
    slots: int = Field(16, ge=1, le=10_000, description="Sessions at once.")
    reserved_slots: int | None = Field(
        None, ge=0, description="Slots kept free for sessions that resume; unset: one in eight, of more than eight."
    )
    asr_endpoints: Endpoints = Field(("127.0.0.1:7701",), min_length=1, description=f"Recognizers: {ENDPOINTS}")
    mt_endpoints: Endpoints = Field(("127.0.0.1:7702",), min_length=1, description=f"Translators: {ENDPOINTS}")
    tts_endpoints: Endpoints = Field(("127.0.0.1:7703",), min_length=1, description=f"Synthesizers: {ENDPOINTS}")
    peer_endpoints: Annotated[tuple[Endpoint, ...], NoDecode] = Field(
        (),
        description=f"All gateways, this one too, that an autoscaler is told of; none: this one. {ENDPOINTS}",
    )
    resolve_seconds: float = Field(5.0, ge=0.1, le=3600, description="How often names of endpoints are looked up.")
    watch_timeout_ms: int = Field(
        1000,
        ge=500,
        le=60_000,
        description="A replica of a stage that tells nothing for so long is left for others, where there are any.",
    )
    max_backlog_ms: int = Field(4000, ge=1500, description="Audio accepted beyond what is worked off before a hold.")
    max_chunk_bytes: int = Field(256 * 1024, ge=1024, description="Largest chunk of audio.")
    max_chunk_ms: int = Field(5000, ge=100, description="Longest chunk of audio.")
    max_targets: int = Field(8, ge=1, description="Most target languages of a session.")
    max_text_length: int = Field(2000, ge=1, description="Most code points of an open text segment.")
    trailing_silence_ms: int = Field(500, ge=200, le=3000, description="Ends a segment, unless a session says other.")
    max_segment_ms: int = Field(15_000, ge=2000, le=30_000, description="Longest segment, unless a session says other.")
    max_lag_ms: int = Field(
        20_000, ge=1000, le=600_000, description="Speech further behind is left out, unless a target says other."
    )
    idle_timeout_ms: int = Field(60_000, ge=1, description="A session without a message for so long is closed.")
    client_stall_ms: int = Field(30_000, ge=1, description="A client that reads nothing for so long is closed.")
    client_buffer_bytes: int = Field(
        128 * 1024, ge=64 * 1024, description="Most bytes that wait for one client; half of it as messages."
    )
    stage_outage_ms: int = Field(
        30_000,
        ge=1,
        description="How long a stage may be away: a recognizer at any time, the others once the source has ended.",
    )
    policy: str = Field(
        "agreement",
        pattern=r"^(agreement|endpointed|retranslate|wait-[1-9]\d?)$",
        description="When text is concluded: agreement; endpointed, retranslate and wait-1 to wait-99 to compare.",
    )
    glossaries: DirectoryPath | None = Field(None, description="Folder of kept glossaries, NAME.json each; none: none.")
    profanity: FilePath | None = Field(
        None,
        description='More profanity, JSON: {"en": {"mild": ["..."], "strong": ["..."]}}; none: the lists we bring.',
    )
    phone_regions: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Regions whose telephone numbers are masked in any language, ISO 3166 with commas between, beside "
        "those of the source language.",
    )
    max_glossary_terms: int = Field(500, ge=1, le=1_000, description="Most terms of a glossary.")
    max_term_length: int = Field(100, ge=1, le=1_000, description="Most code points of a term, or what it becomes.")
    max_glossary_bytes: int = Field(
        256 * 1024, ge=1024, le=1024 * 1024, description="Most bytes of a glossary that a client sends."
    )
    max_glossary_languages: int = Field(64, ge=1, le=1_000, description="Most languages of a glossary, or of a term.")
    recognizer_message_ms: int = Field(
        100,
        ge=10,
        le=100,
        description="Audio that a recognizer is sent in one message, at least: less brings words of clients that send "
        "shorter messages earlier, at more processor time.",
    )
    recognition_stall_ms: int = Field(
        5000,
        ge=0,
        description="A recognizer that says nothing to audio for so long is left for another one, where one serves, "
        "and for twice as long each time that this was no help. 0: never.",
    )
    stage_timeout_ms: int = Field(
        5000, ge=1, description="Longest wait for a stage's answer, where another replica could give it."
    )

    resume_keys: SecretStr | None = Field(
        None,
        description="Signs resume handles: id:secret, of 32 bytes or more, with commas between. The first signs, all "
        "are accepted. None: a key of this process's own, so sessions are resumed on this process only.",
    )
    resume_ttl_ms: int = Field(300_000, ge=1000, le=86_400_000, description="How long a resume handle is good for.")
    tenant_slots: int | None = Field(None, ge=1, description="Most slots of one tenant; unset: as its share allows.")
    headroom_slots: int | None = Field(
        None,
        ge=0,
        description="Slots for tenants that hold less than their share; unset: one in eight, of more than eight, where "
        "tokens or tenant_metadata tell tenants apart.",
    )
    calls_per_second: int = Field(200, ge=1, le=1_000_000, description="Calls of one tenant, on the average.")
    messages_per_second: int = Field(
        500, ge=50, le=1_000_000, description="Messages of a session, on the average; those beyond are read later."
    )
    session_seconds: float = Field(
        14_400, ge=1, le=604_800, description="A session is sent into another call after so long: it can be resumed."
    )
    greet_ms: int = Field(5000, ge=100, le=60_000, description="A stream without a hello for so long is ended.")
    ungreeted_streams: int = Field(512, ge=1, le=100_000, description="Streams at once that have no session yet.")
    ungreeted_client_streams: int = Field(
        256, ge=1, le=100_000, description="Streams at once that have no session yet, from one address."
    )
    connections: int = Field(2000, ge=1, le=1_000_000, description="Connections of clients at once.")
    connection_backlog: int = Field(
        128, ge=1, le=65_535, description="Connections that may wait to be accepted; the others' clients try again."
    )
    trust_traces: bool = Field(
        False,
        description="Whether a session is a part of its caller's trace: for callers of your own. Else it has a trace "
        "of its own, linked to the caller's.",
    )

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All that this gateway calls."""
        return (*self.asr_endpoints, *self.mt_endpoints, *self.tts_endpoints, *self.peer_endpoints)

    @property
    def reserve(self) -> int:
        """How many slots are kept free for sessions that resume."""
        return reserve(self.slots, self.reserved_slots)

    @property
    def headroom(self) -> int:
        """Slots that no tenant with its share may take."""
        return reserve(self.slots, self.headroom_slots) if self.tells_tenants else self.headroom_slots or 0

    def signing_keys(self) -> dict[str, bytes]:
        """The keys of handles by id, the one that signs first."""
        if self.resume_keys is None:
            return {"process": secrets.token_bytes(LEAST_SECRET_BYTES)}
        return _keys(self.resume_keys.get_secret_value())

    @field_validator("resume_keys")
    @classmethod
    def _require_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _keys(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _leave_slots(self) -> Self:
        if self.reserve >= self.slots:
            raise ValueError(f"reserved_slots: {self.reserve} of {self.slots} slots leave none for new sessions")
        return self

    @field_validator("profanity")
    @classmethod
    def _require_lists(cls, value: Path | None) -> Path | None:
        profanities(value)
        return value

    @field_validator("phone_regions")
    @classmethod
    def _require_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for region in value:
            if not is_region(region):
                raise ValueError(f"{region!r} is no region, such as ES")
        return value

    @field_validator("asr_endpoints", "mt_endpoints", "tts_endpoints", "peer_endpoints", "phone_regions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _keys(text: str) -> dict[str, bytes]:
    """Keys by id. Raises ValueError, which names no secret."""
    return secrets_by_id((part.strip() for part in text.split(",")), "key")


def secrets_by_id(parts: Iterable[str], what: str) -> dict[str, bytes]:
    """Return secrets by id, of parts `id:secret`. Raises ValueError, with `what` and its number, without a secret."""
    keys: dict[str, bytes] = {}
    for part in parts:
        key_id, _, secret = part.partition(":")
        if not key_id or key_id in keys or len(secret.encode()) < LEAST_SECRET_BYTES:
            form = f"id:secret, each id once, {LEAST_SECRET_BYTES} bytes or more"
            raise ValueError(f"{what} {len(keys) + 1} is not {form}")
        keys[key_id] = secret.encode()
    return keys
