"""NVIDIA Riva and its NIMs, for the engines of all stages: settings, the channel, and what a failed call means."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import grpc
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.common.errors import AtCapacity, InvalidArgument, MeshError, StageFailed
from services.common.grpc_options import BOUNDED_WINDOW, MAX_MESSAGE_BYTES, Options
from services.common.retrying import jittered
from services.common.settings import Address

SPARE_SECONDS = 2.0  # a call that is over its time is ended first
RETRY_MS = 500

# No keepalive, unlike between our own services: a gRPC server that was not told otherwise takes pings more often than
# every five minutes for abuse, and ends the connection. Each call has its own deadline instead.
OPTIONS: Options = (
    *BOUNDED_WINDOW,
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # how long one attempt may take, to a server far away, TLS included
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)

_BROKEN = {
    grpc.StatusCode.DEADLINE_EXCEEDED: "did not answer in time",
    grpc.StatusCode.UNAVAILABLE: "cannot be reached",
}

Metadata: TypeAlias = tuple[tuple[str, str], ...]


class RivaSettings(BaseModel):
    """Settings of the connection to a Riva server or a NIM."""

    model_config = ConfigDict(extra="forbid")

    endpoint: Address = Field("localhost:50051", description="Address of the Riva server, or the NIM's gRPC port.")
    tls: bool = Field(False, description="Whether the connection is encrypted. With an API key it has to be.")
    ca_file: Path | None = Field(None, description="Certificates to trust, PEM; unset: those of the system.")
    client_cert_file: Path | None = Field(None, description="Our own certificate, PEM, where the server asks for one.")
    client_key_file: Path | None = Field(None, description="Its key, PEM.")
    api_key: SecretStr | None = Field(None, description="API key, sent as a bearer token.")
    api_key_file: Path | None = Field(None, description="A file with the API key, in its place.")
    function_id: str = Field(
        "", pattern=r"^[\x21-\x7e]*$", description="Function of a NIM hosted by NVIDIA; empty for a server of your own."
    )
    model: str = Field("", description="Name of the model; empty: whatever of its models the server finds fit.")
    reply_seconds: float = Field(10.0, gt=0, description="A call, or a stream, that answers nothing for longer fails.")
    start_seconds: float = Field(60.0, gt=0, description="How long the stage waits for the server when it starts.")


class Call(Protocol):
    """One unary method of a gRPC stub."""

    def __call__(self, request: Any, *, timeout: float, metadata: Metadata, wait_for_ready: bool) -> Awaitable[Any]:
        """Send the request, and await its response."""


class Riva:
    """The connection of one engine to Riva. Used between `open` and `close`."""

    def __init__(self, settings: RivaSettings, stage: str) -> None:
        self.metadata: Metadata = ()
        self._settings = settings
        self._stage = stage
        self._channel: grpc.aio.Channel | None = None

    @property
    def patience_seconds(self) -> float:
        """Seconds an engine may be given that fails by itself once a call takes too long."""
        return self._settings.reply_seconds + SPARE_SECONDS

    def open(self) -> grpc.aio.Channel:
        """Return the channel, which connects with the first call. Raises InvalidArgument naming the setting that is
        wrong.
        """
        self.metadata = self._metadata()
        credentials = self._credentials()
        endpoint = self._settings.endpoint
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(endpoint, options=OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(endpoint, credentials, options=OPTIONS)
        return self._channel

    async def close(self) -> None:
        """Close the connection, if there is one, and the calls on it."""
        if self._channel is not None:
            await self._channel.close()

    async def configuration(self, call: Call, request: Any) -> Any:
        """Ask the server for its configuration at start; waits for a server that is starting too."""
        return await self._answer(call, request, self._settings.start_seconds, wait_for_ready=True)

    async def ask(self, call: Call, request: Any) -> Any:
        """Return the response to a unary call. Raises the MeshError that `fault` makes of its failure."""
        return await self._answer(call, request, self._settings.reply_seconds, wait_for_ready=False)

    async def within(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Await a step of a streaming call, and return its result. Raises what `fault` makes of a failure or a
        timeout.
        """
        try:
            return await self.in_time(call)
        except grpc.aio.AioRpcError as error:
            raise self.fault(error) from error

    async def in_time(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Await a step of a streaming call, and return its result. Raises StageFailed on timeout, else the call's
        own error.
        """
        try:
            async with asyncio.timeout(self._settings.reply_seconds):
                return await call()
        except TimeoutError as error:
            raise self.failed(f"Riva answered nothing for {self._settings.reply_seconds:g} s.") from error

    async def _answer(self, call: Call, request: Any, seconds: float, wait_for_ready: bool) -> Any:
        try:
            return await call(request, timeout=seconds, metadata=self.metadata, wait_for_ready=wait_for_ready)
        except grpc.aio.AioRpcError as error:
            raise self.fault(error) from error

    def setting(self, name: str) -> str:
        """Return the environment variable of a setting, for example ASR_RIVA__API_KEY."""
        return f"{self._stage}_RIVA__{name}".upper()

    def failed(self, message: str, retry_after_ms: int = RETRY_MS) -> StageFailed:
        """Return the StageFailed error for a failed call; the next one may succeed."""
        code = f"{self._stage}_ENGINE_FAILED"
        return StageFailed(code, message, retry_after_ms=jittered(retry_after_ms), stage=self._stage)

    def fault(self, error: grpc.aio.AioRpcError) -> MeshError:
        """Return the error for a failed call. The server's own words are left out: they may quote user content."""
        match error.code():
            case grpc.StatusCode.RESOURCE_EXHAUSTED:
                full = "The Riva server has no room for another call."
                return AtCapacity("AT_CAPACITY", full, retry_after_ms=jittered(RETRY_MS), stage=self._stage)
            case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
                names = " or ".join(map(self.setting, ("api_key", "api_key_file", "client_cert_file", "function_id")))
                return self._refused("RIVA_REFUSED", f"The Riva server does not let us in: check {names}.")
            case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.NOT_FOUND:
                model = f"model {self._settings.model!r}" if self._settings.model else "any of its models"
                unknown = f"The Riva server cannot do what was asked with {model}: check {self.setting('model')}."
                return InvalidArgument("RIVA_UNSUITED", unknown, stage=self._stage)
            case grpc.StatusCode.UNIMPLEMENTED:
                lacks = f"The server at {self.setting('endpoint')} does not offer what this stage needs of Riva."
                return self._refused("RIVA_UNIMPLEMENTED", lacks)
            case code:
                why = _BROKEN.get(code, f"ended the call with {code.name}")
                names = " and ".join(map(self.setting, ("endpoint", "tls")))
                return self.failed(f"The Riva server {why}: see {names}.")

    def _refused(self, reason: str, message: str) -> StageFailed:
        """Return the StageFailed error for a call that will fail until an operator changes something."""
        return StageFailed(f"{self._stage}_{reason}", message, stage=self._stage)

    def _metadata(self) -> Metadata:
        settings = self._settings
        key = settings.api_key.get_secret_value().strip() if settings.api_key else ""
        if settings.api_key_file:
            if key:
                raise self._wrong("api_key_file", "A key is given already, by API_KEY.")
            key = self._read("api_key_file", settings.api_key_file).decode(errors="replace").strip()
            if not key:
                raise self._wrong("api_key_file", "The file is empty.")
        if key and not (key.isascii() and key.isprintable()):
            raise self._wrong("api_key", "The key holds characters that no key has.")
        if key and not settings.tls and not _on_this_machine(settings.endpoint):
            raise self._wrong("tls", "A key is not sent to another machine without TLS.", "true")
        function = (("function-id", settings.function_id),) if settings.function_id else ()
        return ((("authorization", f"Bearer {key}"), *function)) if key else function

    def _credentials(self) -> grpc.ChannelCredentials | None:
        files = {name: getattr(self._settings, name) for name in ("ca_file", "client_cert_file", "client_key_file")}
        given = {name: self._read(name, path) for name, path in files.items() if path is not None}
        if not self._settings.tls:
            for name in given:
                raise self._wrong(name, "It is of no use without TLS.", "unset, or TLS=true")
            return None
        if ("client_cert_file" in given) != ("client_key_file" in given):
            raise self._wrong("client_cert_file", "A certificate and its key go together.", "both files, or none")
        return grpc.ssl_channel_credentials(*map(given.get, ("ca_file", "client_key_file", "client_cert_file")))

    def _read(self, name: str, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise self._wrong(name, f"The file cannot be read: {error.strerror}.") from error

    def _wrong(self, name: str, message: str, *accepted: str) -> InvalidArgument:
        return InvalidArgument("RIVA_SETTING", message, field=self.setting(name), accepted=accepted)


def _on_this_machine(endpoint: str) -> bool:
    host = endpoint.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
