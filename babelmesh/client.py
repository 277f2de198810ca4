"""The client: a connection to a mesh, and what can be asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from opentelemetry import propagate

from babelmesh import session as sessions
from babelmesh.errors import typed_failures
from babelmesh.events import DescribeResponse, Glossary, SessionConfig, Target
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub

DEFAULT_ADDRESS = "localhost:7700"

# Without the first two, 130 s of speech fit into the connection before a write waits; the next four notice a dead peer.
# With the last ones a link that healed is tried soon (`bench/chaos/reconnect.py`), yet a slow one has time to connect.
CHANNEL_OPTIONS = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 16 * 1024),
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 1_000),
    ("grpc.http2.ping_timeout_ms", 1_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 3_000),  # gRPC's name for how long one attempt may take
    ("grpc.use_local_subchannel_pool", 1),
)


class Mesh:
    """A connection to a gateway; made by `connect`. Any number of sessions may run over it."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self.address = address
        self._stub = RealtimeTranslateStub(channel)

    @asynccontextmanager
    async def session(
        self, source_lang: str = "", targets: Sequence[str | Target] = (), config: SessionConfig | None = None
    ) -> AsyncIterator[sessions.Session]:
        """Opens a session; the block begins once the server is ready for audio.

        `config` is for whatever else the contract's hello can say; the languages given here are put into it. Audio is
        pcm16le at 16 kHz unless it says otherwise. Raises SessionFailed.
        """
        hello = SessionConfig(input=pb.AudioFormat(format="pcm16le", sample_rate=16_000))
        hello.MergeFrom(config or SessionConfig())
        hello.source_lang = source_lang or hello.source_lang
        hello.targets.extend(sessions.as_targets(targets))
        call = self._stub.Stream(metadata=_trace_metadata())
        async with sessions.opened(call, hello, self.address) as session:
            yield session

    async def translate_text(
        self, text: str, source_lang: str, target_langs: Sequence[str], glossary: Glossary | None = None
    ) -> dict[str, str]:
        """The translation of a text by target language. Raises SessionFailed."""
        request = pb.TranslateTextRequest(
            text=text, source_lang=source_lang, target_langs=target_langs, glossary=glossary
        )
        with typed_failures(self.address):
            response = await self._stub.TranslateText(request, metadata=_trace_metadata())
        return {translation.target_lang: translation.text for translation in response.translations}

    async def describe(self) -> DescribeResponse:
        """Languages, pairs, voices, engines and limits of this mesh. Raises SessionFailed."""
        with typed_failures(self.address):
            return await self._stub.Describe(pb.DescribeRequest(), metadata=_trace_metadata())


@asynccontextmanager
async def connect(address: str = DEFAULT_ADDRESS) -> AsyncIterator[Mesh]:
    """A connection for the block. Nothing is sent before the first call, which tells if nobody is there."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        yield Mesh(channel, address)


async def is_serving(address: str) -> bool:
    """Whether a server at an address says it is ready for calls."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        try:
            answer = await HealthStub(channel).Check(  # type: ignore[attr-defined]  # its stubs leave methods out
                HealthCheckRequest(), timeout=2
            )
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)


def _trace_metadata() -> tuple[tuple[str, str], ...]:
    """The caller's trace, in W3C form: the session becomes a part of it."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple(carrier.items())
