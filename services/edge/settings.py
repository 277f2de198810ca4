"""Settings of the edge: environment variables that begin with `EDGE_`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FilePath, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.settings import Address, ServiceSettings

SAME_ORIGIN = "same"  # in `origins`: pages of the host that is called
ANY_ORIGIN = "*"


class EdgeSettings(ServiceSettings):
    """Settings of the edge. Its slots are connections that hold a session."""

    model_config = SettingsConfigDict(env_prefix="EDGE_", hide_input_in_errors=True)

    listen: Address = Field("127.0.0.1:0", description="Address to serve HTTP and WebSocket on; port 0: a free one.")
    operations: Address = Field(
        "127.0.0.1:0", description="Address for operators, gRPC: health, state and faults. Port 0: a free one."
    )
    gateway: str = Field(
        "127.0.0.1:7700",
        min_length=1,
        description="The gateway: host:port, or dns:///name:port, whose addresses are called in turn.",
    )
    gateway_ca: FilePath | None = Field(
        None,
        description="File with the certificates that the gateway's is checked by; none: it is called in plaintext.",
    )
    wyoming: Address | None = Field(
        None,
        description="Address to serve Wyoming on, the protocol of Home Assistant's voice programs; none: it is not "
        "served. It knows neither tokens nor TLS.",
    )
    wyoming_lang: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Language of the texts that Wyoming's clients have spoken.",
    )
    slots: int = Field(2000, ge=1, le=100_000, description="Sessions at once.")
    client_slots: int = Field(64, ge=0, description="Sessions of one client at once; 0: as many as there are slots.")
    requests_per_second: float = Field(50.0, gt=0, description="REST requests of one client, on the average.")
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (SAME_ORIGIN,),
        min_length=1,
        description='Pages that browsers may call from, with commas between: origins, "same" for the host that is '
        'called, "*" for any.',
    )
    forwarded: bool = Field(
        False, description="Whether clients are told apart by the last address of X-Forwarded-For: behind a proxy only."
    )
    hello_ms: int = Field(10_000, ge=100, le=120_000, description="A connection without a hello for so long is closed.")
    open_ms: int = Field(15_000, ge=100, le=120_000, description="How long the gateway may take to open a session.")
    max_message_bytes: int = Field(
        1 << 20, ge=64 * 1024, le=6 << 20, description="Largest message of a WebSocket; base64 counts as it is sent."
    )
    max_body_bytes: int = Field(16 << 20, ge=64 * 1024, description="Largest body of a REST request.")
    max_clip_seconds: int = Field(120, ge=1, le=3600, description="Longest clip of a REST request.")
    send_buffer_bytes: int = Field(
        32 * 1024,
        ge=4096,
        description="The kernel's send buffer of a connection: speech that cannot be skipped any more.",
    )
    client_buffer_bytes: int = Field(
        256 * 1024,
        ge=64 * 1024,
        description="Most bytes that wait for one client, before the gateway is read no further.",
    )
    max_voice_wait_ms: int = Field(
        8000, ge=1000, description="Speech of a live session that waits for a client beyond this is skipped, by clause."
    )
    client_stall_ms: int = Field(
        30_000, ge=1000, description="A client that reads nothing for so long is disconnected."
    )
    heartbeat_ms: int = Field(
        1000, ge=200, le=60_000, description="How often a session that has sent audio is told its lag."
    )

    @field_validator("origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("origins")
    @classmethod
    def _require_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if each not in (SAME_ORIGIN, ANY_ORIGIN) and (each.count("/") != 2 or "://" not in each):
                raise ValueError(f'{each!r} is not "same", "*" or an origin such as https://example.org')
        return value
