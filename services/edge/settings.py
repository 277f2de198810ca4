"""Settings of the edge: environment variables that begin with `EDGE_`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, FilePath, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.settings import Address, ServiceSettings, parts

SAME_ORIGIN = "same"  # in `origins`: pages of the host that is called
ANY_ORIGIN = "*"
_ICE_SERVER = re.compile(r"stun:[^?\s:,]+(:\d+)?|turns?:[^?\s:,]+(:\d+)?(\?transport=(udp|tcp))?")


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
    gateway_ca: Path | None = Field(
        None, description="File (PEM) of authorities that the gateway's certificate has to be of; none: plaintext."
    )
    gateway_certificate: Path | None = Field(
        None, description="File (PEM) of the certificate to show to a gateway that asks for one; none: none is shown."
    )
    gateway_key: Path | None = Field(None, description="File (PEM) of that certificate's key, not encrypted.")
    gateway_name: str = Field(
        "", description="DNS name that the gateway's certificate has to hold; empty: the host of the address."
    )
    gateway_plaintext: bool = Field(
        False, description="Whether a gateway on another machine is called without TLS: in a mesh that encrypts."
    )
    gateway_operations: str = Field(
        "",
        description="The gateway's port for operators, host:port, called as the gateway is: what the page for them "
        "shows. Empty: there is no such page.",
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
    viewers: int = Field(2000, ge=0, le=100_000, description="Streams of captions at once.")
    client_viewers: int = Field(
        100, ge=0, description="Streams of captions of one address at once; 0: as many as there may be."
    )
    token_signing_key: FilePath | None = Field(
        None,
        description="File with a private key (a JWK with a kid) that the gateway knows: client secrets are tokens that "
        "it signs; none: there are none where the gateway asks for tokens.",
    )
    viewing_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="What the keys of captions are made from, the same for all edges; none: each process has its own.",
    )
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
    rooms_listen: Address | None = Field(
        None, description="Address to serve rooms on over gRPC, with the certificate of HTTP; none: it is not served."
    )
    rooms_nats: str | None = Field(
        None,
        pattern=r"^(nats|tls)://.+",
        description="NATS for rooms that several edges share: nats://host:port or tls://host:port; none: each edge has "
        "rooms of its own.",
    )
    rooms_nats_ca: FilePath | None = Field(
        None, description="File with the certificates that NATS's is checked by; none: as the address says."
    )
    rooms_nats_credentials: FilePath | None = Field(
        None, description="File with the credentials (.creds) that NATS asks for; none: it asks for none."
    )
    rooms_ring_bytes: int = Field(
        8 << 20, ge=1 << 16, description="What an edge keeps of what it told other edges of a room, to tell it again."
    )
    rooms_most: int = Field(1000, ge=1, le=100_000, description="Rooms at once.")
    rooms_max_langs: int = Field(
        8, ge=1, le=100, description="Languages that the speakers of one room are translated into at once, at most."
    )
    rooms_hold_seconds: float = Field(
        30.0, ge=0, le=3600, description="How long a language of a room is kept that nobody listens to any more."
    )
    rooms_history_seconds: float = Field(
        600.0, ge=0, description="How far back the captions reach that somebody gets who joins a room."
    )
    rooms_most_segments: int = Field(
        3000, ge=10, le=100_000, description="Segments that are kept of each speaker of a room, for its transcript."
    )
    rooms_kept_seconds: float = Field(
        600.0, ge=0, description="How long a room is kept in which nobody is, with its transcript and terms."
    )
    rooms_token_grace_seconds: float = Field(
        30.0, ge=0, le=600, description="How long a listener stays in a room whose token has expired."
    )
    rooms_lost_ms: int = Field(
        30_000, ge=1000, description="How long a speaker's session may go without a gateway before it ends."
    )

    peers: int = Field(100, ge=0, le=10_000, description="Connections by WebRTC at once; 0: none are taken.")
    client_peers: int = Field(16, ge=1, description="Connections of one client by WebRTC at once.")
    ice_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="STUN and TURN servers that clients are told of, with commas between: stun:host:port, "
        "turn:host:port?transport=udp.",
    )
    turn_secret: SecretStr | None = Field(
        None, description="Secret that TURN servers share (coturn's static-auth-secret); none: they ask for nothing."
    )
    turn_seconds: int = Field(
        3600, ge=60, le=86_400, description="How long the credentials last that clients are told for TURN servers."
    )
    ice_own: bool = Field(
        False, description="Whether the edge uses these servers, too: where clients cannot reach its addresses."
    )
    ice_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses of this machine that media goes over, with commas between; empty: all but loopback."
    )
    peer_connect_ms: int = Field(
        15_000, ge=500, le=120_000, description="A client that WebRTC does not connect to in so long is gone."
    )
    peer_grace_ms: int = Field(
        10_000, ge=0, le=120_000, description="How long a connection whose way is lost waits for an ICE restart."
    )
    peer_audio_ms: int = Field(
        5_000,
        ge=500,
        le=60_000,
        description="Most audio of a WebRTC client that waits for the gateway; more is skipped.",
    )

    @field_validator("ice_servers", "ice_addresses", mode="before")
    @classmethod
    def _parted(cls, value: object) -> object:
        return parts(value)

    @field_validator("ice_servers")
    @classmethod
    def _require_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not _ICE_SERVER.fullmatch(each):
                raise ValueError(f"{each!r} is not stun:host:port, nor turn:host:port?transport=udp or tcp")
        return value

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
