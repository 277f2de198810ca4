"""A connection to a mesh: sessions, text translation and description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from babelmesh._stubs.realtime.v1 import realtime_translate_pb2 as pb
from babelmesh.client import session as sessions
from babelmesh.client.calls import Terms
from babelmesh.client.dialling import Tls, dialling
from babelmesh.client.events import DescribeResponse, Glossary, SessionConfig, Target
from babelmesh.client.gateways import CHANNEL_OPTIONS, Gateways
from babelmesh.client.tokens import Bearer, Token

DEFAULT_ADDRESS = "localhost:7700"
OPERATIONS_ADDRESS = "localhost:7710"  # of a local mesh, for those who run it


def _unheard(line: str) -> None:
    """Ignore a notice: the default where the caller passes no function for them."""


class Mesh:
    """A connection to a mesh; made by `connect`. Any number of sessions may run over it."""

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways

    @property
    def address(self) -> str:
        """The gateways' addresses, comma-separated, as given to `connect`."""
        return ",".join(self._gateways.addresses)

    @asynccontextmanager
    async def session(
        self,
        source_lang: str = "",
        targets: str | Target | Sequence[str | Target] = (),
        config: SessionConfig | None = None,
        reconnect: bool = True,
        notice: Callable[[str], None] = _unheard,
    ) -> AsyncIterator[sessions.Session]:
        """Open a session; the block begins once the server is ready for audio.

        A session whose connection is lost reconnects to any of the gateways by itself, unless `reconnect` is False,
        where the server offers it and for as long as it allows. Its events do not show that; `notice` is called with a
        line for a person.

        `config` sets whatever else the contract's hello can hold; the languages given here are put into it. Audio is
        pcm16le at 16 kHz unless it sets another format; an empty `input` announces text alone, which needs no
        recognizer. Raises SessionFailed.
        """
        hello = SessionConfig(input=pb.AudioFormat(format="pcm16le", sample_rate=16_000))
        hello.MergeFrom(config or SessionConfig())
        if config and config.HasField("input") and not config.input.ByteSize():
            hello.ClearField("input")
        hello.source_lang = source_lang or hello.source_lang
        hello.targets.extend(sessions.as_targets(targets))
        terms = Terms(hello, _trace_metadata(), reconnect, notice)
        async with sessions.opened(self._gateways, terms) as session:
            yield session

    async def translate_text(
        self,
        text: str,
        source_lang: str,
        target_langs: str | Sequence[str],
        glossary: Glossary | None = None,
        config: SessionConfig | None = None,
    ) -> dict[str, str]:
        """Translate a text, and return its translations by target language. Raises SessionFailed.

        Of `config` the masks are read: `mask_pii`, `mask_profanity` and `masking`.
        """
        langs = [target_langs] if isinstance(target_langs, str) else target_langs
        request = pb.TranslateTextRequest(text=text, source_lang=source_lang, target_langs=langs, glossary=glossary)
        if config:
            request.mask_pii, request.mask_profanity = config.mask_pii, config.mask_profanity
            request.masking.CopyFrom(config.masking)
        response = await self._gateways.ask(
            lambda stub, own: stub.TranslateText(request, metadata=(*_trace_metadata(), *own))
        )
        return {translation.target_lang: translation.text for translation in response.translations}

    async def describe(self) -> DescribeResponse:
        """Return languages, pairs, voices, engines and limits of this mesh. Raises SessionFailed."""
        request = pb.DescribeRequest()
        return await self._gateways.ask(lambda stub, own: stub.Describe(request, metadata=(*_trace_metadata(), *own)))


@asynccontextmanager
async def connect(
    address: str = DEFAULT_ADDRESS, tls: Tls | None = None, token: Token | None = None
) -> AsyncIterator[Mesh]:
    """Connect for the block to any of the gateways whose comma-separated addresses are given.

    `host:port` is plaintext, `grpcs://host:port` TLS: the server has to prove by its certificate that it is `host`, to
    authorities that `tls` names, or without it to those that gRPC brings along. Nothing is sent before the first call,
    which fails when no gateway can be reached.

    `token` is what calls are authorized by, where the mesh asks for one: a text, or a function, async or not, that
    returns one. A function is called for each call, and again when a session's token is about to expire. A token is
    sent over TLS, or to this machine. Raises AddressUnusable.
    """
    addresses = [each.strip() for each in address.split(",") if each.strip()] or [address]
    dial, bearer = dialling(addresses, tls), Bearer(token)
    bearer.require_private(addresses)
    async with AsyncExitStack() as stack:
        channels = {each: await stack.enter_async_context(dial.channel(each, CHANNEL_OPTIONS)) for each in addresses}
        yield Mesh(Gateways(channels, dial, bearer))


async def is_serving(address: str) -> bool:
    """Return whether the server at an address reports that it is serving."""
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse  # noqa: PLC0415  # the server's
    from grpc_health.v1.health_pb2_grpc import HealthStub  # noqa: PLC0415  # the server's

    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        try:
            answer = await HealthStub(channel).Check(  # type: ignore[attr-defined]  # its stubs leave methods out
                HealthCheckRequest(), timeout=2
            )
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)


def _trace_metadata() -> tuple[tuple[str, str], ...]:
    """Return the caller's trace context as W3C metadata, so that the session becomes part of its trace.

    A program that traces has OpenTelemetry; without it there is no trace.
    """
    try:
        from opentelemetry import propagate  # noqa: PLC0415  # where it is installed
    except ImportError:
        return ()
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple(carrier.items())
