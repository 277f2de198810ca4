"""A clause's speech, made by one replica after the other where it must be."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import grpc

from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.audio.pcm import Pcm, from_bytes
from services.common.telemetry.tracing import Metadata
from services.gateway.stages.calls import Abandoned, Owned
from services.gateway.stages.links import Link
from services.gateway.stages.replicas import Replicas
from services.gateway.stages.tries import Budget
from services.gateway.values.stages import Line

if TYPE_CHECKING:
    Synthesizing: TypeAlias = grpc.aio.UnaryStreamCall[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse]
Spoken: TypeAlias = tuple[Pcm, int]  # samples, and their rate in samples per second


class Given:
    """How much of a clause was given away, so that a replica that begins again adds the rest only. Pure.

    Replicas with one engine make the same samples of the same text. One at another rate goes on at the same time.
    """

    def __init__(self) -> None:
        self._given = 0  # samples
        self._rate = 0  # their rate, samples per second
        self._heard = 0  # samples, of the replica that speaks now

    def begin_again(self) -> None:
        """What comes next is the beginning of the clause."""
        self._heard = 0

    def rest(self, pcm: Pcm, rate: int) -> Pcm:
        """What of the next piece was not given yet, and now is."""
        if self._rate not in (0, rate):
            self._given = self._given * rate // self._rate
        self._rate = rate
        new = pcm[max(0, self._given - self._heard) :]
        self._heard += len(pcm)
        self._given = max(self._given, self._heard)
        return new


class Speaking:
    """Speaks one clause. A piece is waited for `timeout` seconds at most; the whole may take longer: clients listen."""

    def __init__(
        self,
        replicas: Replicas,
        request: tts_pb2.SynthesizeRequest,
        metadata: Metadata,
        timeout: float,
        line: Line,
    ) -> None:
        self._replicas = replicas
        self._request = request
        self._metadata = metadata
        self._timeout = timeout
        self._given = Given()
        self._line = line

    async def pieces(self) -> AsyncGenerator[Spoken, None]:
        """Speech as it is made. Closing the iterator ends the call. Raises MeshError of the stage."""
        suspect = (self._request.text, self._request.lang, self._request.voice)
        tries = self._replicas.tries(Budget(retry_seconds=0.0, waits=True), suspect)
        finished = begun = False
        while not finished:
            with Owned() as calls:
                link, call, piece = await self._replicas.call(partial(self._begin, calls), tries)
                if not begun:
                    self._replicas.took(tries)
                    begun = True
                try:
                    while piece is not None:
                        tries.went_on(link)
                        yield piece
                        piece = await self._next(link, call)
                    finished = True
                    self._replicas.answered(tries)
                except (grpc.aio.AioRpcError, TimeoutError, Abandoned) as error:
                    fault = self._replicas.failed(tries, error, link)
                    if not tries.again:
                        raise fault from error

    async def _begin(self, calls: Owned, link: Link) -> tuple[Link, Synthesizing, Spoken | None]:
        """A call, once it has given something new: until then its replica may refuse, or die of the same text.

        It is added to `calls` then.
        """
        self._given.begin_again()
        with Owned() as opened:
            call = opened.add(link.stub(tts_pb2_grpc.TtsStub).Synthesize(self._request, metadata=self._metadata))
            link.uses.until_done(call)
            piece = await self._next(link, call)
            calls.add(opened.release(call))
        return link, call, piece

    async def _next(self, link: Link, call: Synthesizing) -> Spoken | None:
        """What comes next that was not given yet; None at the end. A voice at work tells so from time to time."""
        while True:
            with self._replicas.attempt(link, self._timeout):
                response = await call.read()
            if not isinstance(response, tts_pb2.SynthesizeResponse):
                return None
            self._line.rung.took(response.tier, response.larger_tiers)
            self._line.tally.symbols = response.symbols if response.HasField("symbols") else None
            self._request.tier = response.tier  # of another replica, too: a voice never changes within a clause
            pcm = self._given.rest(from_bytes(response.pcm), response.sample_rate_hertz)
            if len(pcm):
                return pcm, response.sample_rate_hertz
