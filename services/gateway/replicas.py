"""The replicas of one stage: one channel each, used in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from services.common.errors import AtCapacity, MeshError, StageFailed, TooSlow, from_rpc_error
from services.common.grpc_options import CHANNEL
from services.common.server import channel

T = TypeVar("T")

WORTH_ANOTHER = (AtCapacity, StageFailed, TooSlow)


class Replicas:
    """Channels to the replicas of a stage. A call goes to the next in turn; a refused one to the one after it."""

    def __init__(self, stage: str, endpoints: Sequence[str]) -> None:
        self.stage = stage
        self._channels = [channel(endpoint, CHANNEL) for endpoint in endpoints]
        self._turn = 0

    async def call(self, attempt: Callable[[grpc.aio.Channel], Awaitable[T]], rounds: int = 1) -> T:
        """The result of `attempt` on the first replica that gives one, going round at most so often.

        Raises what the last replica said, as a MeshError of this stage.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(WORTH_ANOTHER),
            stop=stop_after_attempt(rounds * len(self._channels)),
            wait=wait_random_exponential(multiplier=0.02, max=0.3),
            reraise=True,
        )
        async for trial in retrying:
            with trial:
                return await self._on_next(attempt)
        raise AssertionError("tenacity ends with a result or an exception")

    async def _on_next(self, attempt: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
        self._turn = (self._turn + 1) % len(self._channels)
        try:
            return await attempt(self._channels[self._turn])
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            raise fault_of(error, self.stage) from error

    @property
    def available(self) -> bool:
        """Whether a replica can be reached, as far as is known."""
        states = [each.get_state(try_to_connect=True) for each in self._channels]
        return any(state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE for state in states)

    async def back(self) -> None:
        """Waits until a replica can be reached."""
        first = self._channels[0]
        while not self.available:
            await first.wait_for_state_change(grpc.ChannelConnectivity.TRANSIENT_FAILURE)

    async def close(self) -> None:
        """Closes the channels, and with them every call on them."""
        for each in self._channels:
            await each.close()


def fault_of(error: grpc.aio.AioRpcError | TimeoutError, stage: str) -> MeshError:
    """What a failed call to a stage means."""
    if isinstance(error, grpc.aio.AioRpcError):
        return from_rpc_error(error, stage)
    message = f"The {stage} stage did not answer in time."
    return TooSlow(f"{stage}_TOO_SLOW", message, retry_after_ms=1000, stage=stage)
