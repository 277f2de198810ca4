"""Opens calls at any of several gateways, and decides which failures are retried."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import grpc

from babelmesh._stubs.realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from babelmesh.client.dialling import PLAIN, Dialling
from babelmesh.client.errors import CONNECTION_LOST, UNREACHABLE, SessionFailed, typed_failures
from babelmesh.client.events import Ready, SessionConfig
from babelmesh.client.reaching import Reached, reached
from babelmesh.client.stream import NO_READY, Stream

if TYPE_CHECKING:
    from babelmesh._stubs.realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateAsyncStub

T = TypeVar("T")
Metadata = tuple[tuple[str, str], ...]

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
REFUSED_SECONDS = 0.5  # an address where nobody listens says so sooner
REACHED_SECONDS = 5.0  # for a connection to any gateway, when a session is resumed
RESUMED_SECONDS = 3.0  # for the answer to its hello

# Bare statuses are a proxy's, or gRPC's own; a deadline is a proxy's limit of a stream, for we set none.
LOST = {
    CONNECTION_LOST,
    UNREACHABLE,
    NO_READY,
    "INTERNAL",
    "CANCELLED",
    "UNKNOWN",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
}


def may_pass(failure: BaseException) -> bool:
    """Return whether a retry, here or elsewhere, may succeed: no answer, or one with a retry delay."""
    if not isinstance(failure, SessionFailed):
        return False
    return failure.code in LOST or failure.retry_after_ms is not None


def pause_ms(failure: SessionFailed) -> int:
    """Return the milliseconds the server asked to wait; 0 where no server answered."""
    return 0 if failure.code in LOST else failure.retry_after_ms or 0


class Gateways:
    """The gateways of one mesh, in order of preference, each with a channel for its unary calls."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], dial: Dialling = PLAIN) -> None:
        self._channels = channels
        self._dial = dial

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses in the order and form they were given."""
        return tuple(self._channels)

    async def ask(self, question: Callable[[RealtimeTranslateAsyncStub], Awaitable[T]]) -> T:
        """Return the answer of the first gateway that gives one. Raises SessionFailed."""

        async def asked(address: str) -> T:
            with typed_failures(address):
                return await question(RealtimeTranslateStub(self._channels[address]))

        return await _first(self.addresses, asked)

    async def open(self, hello: SessionConfig, metadata: Metadata) -> tuple[Stream, Ready]:
        """Open a new session at the first gateway that accepts it. Raises SessionFailed.

        A link that loses packets may break while it connects, and is tried again; an address that refuses is not.
        """

        async def opened(address: str) -> tuple[Stream, Ready]:
            call = RealtimeTranslateStub(self._channels[address]).Stream(metadata=metadata)
            stream = Stream(call, address)
            try:
                return stream, await stream.greet(hello)
            except BaseException:
                await stream.close()
                raise

        began = time.monotonic()
        try:
            return await _first(self.addresses, opened)
        except SessionFailed as failure:
            if failure.code != UNREACHABLE or time.monotonic() - began < REFUSED_SECONDS:
                raise
        return await _over_a_fresh_connection(self.addresses, lambda: hello, metadata, self._dial)

    async def reopen(self, hello: Callable[[], SessionConfig], metadata: Metadata, lost: str) -> tuple[Stream, Ready]:
        """Open a lost session again at another gateway, or the one that lost it, on a new connection.

        `hello` is called once there is a connection, as it states the session's clock. Raises SessionFailed.
        """
        after = self.addresses.index(lost) + 1
        in_turn = [*self.addresses[after:], *self.addresses[:after]]
        return await _over_a_fresh_connection(in_turn, hello, metadata, self._dial)


async def _over_a_fresh_connection(
    addresses: Sequence[str], hello: Callable[[], SessionConfig], metadata: Metadata, dial: Dialling
) -> tuple[Stream, Ready]:
    """Open a session at the first gateway that can be reached and accepts it, on a new connection."""
    left, failures = [*addresses], list[SessionFailed]()
    while left:
        there = await _reached(left, dial)
        try:
            call = RealtimeTranslateStub(there.channel).Stream(metadata=metadata)
            stream = Stream(call, there.address, there.channel)
            return stream, await stream.greet(hello(), RESUMED_SECONDS)
        except SessionFailed as failure:
            await there.channel.close()
            if failure.broke or not may_pass(failure):
                raise
            failures.append(failure)
            left.remove(there.address)
        except BaseException:
            await there.channel.close()
            raise
    raise _most_promising(failures)


async def _reached(addresses: Sequence[str], dial: Dialling) -> Reached:
    try:
        async with asyncio.timeout(REACHED_SECONDS):
            return await reached(addresses, CHANNEL_OPTIONS, dial)
    except TimeoutError:
        missing = f"No server answers at {', '.join(addresses)}."
        raise SessionFailed(UNREACHABLE, missing, retry_after_ms=1000) from None


async def _first(addresses: Sequence[str], attempt: Callable[[str], Awaitable[T]]) -> T:
    """Return the first address's result; when all fail, raise the failure most worth retrying."""
    failures = []
    for address in addresses:
        try:
            return await attempt(address)
        except SessionFailed as failure:
            if not may_pass(failure):
                raise
            failures.append(failure)
    raise _most_promising(failures)


def _most_promising(failures: Sequence[SessionFailed]) -> SessionFailed:
    return min(failures, key=lambda failure: (failure.code in LOST, pause_ms(failure)))
