"""`/v1/realtime/calls`: a session by WebRTC, from its offer to its end: a microphone in, a voice and captions out.

The request that makes a connection holds it: its answer is sent, and the request goes on until the client is gone.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.faults import Fault, fault_of_call, fault_told
from services.edge.realtime.conversation import Conversation
from services.edge.realtime.door import opened
from services.edge.realtime.hello import VIEWING
from services.edge.realtime.own import OwnDialect
from services.edge.upstream import Call, Caller, failure
from services.edge.viewing.galleries import Galleries
from services.edge.webrtc.channel import Channel
from services.edge.webrtc.line import PeerDialect, PeerLine
from services.edge.webrtc.microphone import Microphone
from services.edge.webrtc.requests import PARAMETERS, SDP, Wanted, offered, wanted
from services.edge.webrtc.resources import Resource, Resources, add_links

if TYPE_CHECKING:
    from services.edge.settings import EdgeSettings
    from services.edge.webrtc.fragments import Offer

PATH = "/v1/realtime/calls"
_LAST_WORDS_SECONDS = 10.0  # for a voice to be played to its end


@dataclass(frozen=True, slots=True)
class _Session:
    """A session that the gateway has opened for a client."""

    caller: Caller
    wanted: Wanted
    call: Call
    first: pb.ServerMessage


class Calls:
    """Serves sessions by WebRTC."""

    def __init__(self, resources: Resources, galleries: Galleries) -> None:
        self._resources = resources
        self._galleries = galleries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for a connection, and the connection."""
        request = Request(scope, receive)
        resources = self._resources
        caller = resources.caller(request, PARAMETERS)
        with resources.counted(caller):
            described = await resources.doors.gateway.describe(caller)
            asked = wanted(await offered(request), request.query_params, described)
            with measures.connection(PATH), tracer.start_as_current_span("edge.session"):
                call = await opened(resources.doors.gateway.stream(caller), asked.asked.config)
                try:
                    first = await begun(call, resources.doors.settings)
                    measures.ended(PATH, await self._held(_Session(caller, asked, call, first), send))
                finally:
                    end_call(call)

    async def _held(self, session: _Session, send: Send) -> int:
        """Answer the request, and hold its connection; return the code that a WebSocket would be closed with."""
        settings, offer = self._resources.doors.settings, session.wanted.offer
        line = new_line(offer, settings, begins_ms=session.first.ready.resume_offset_ms)
        peer = self._resources.new_peer(offer, line, session.wanted.original)
        asked = session.wanted.asked
        with self._resources.entered(session.caller, peer) as resource, self._galleries.showing() as showing:
            dialect = OwnDialect(asked, showing if asked.wants(VIEWING) else None)
            conversation = Conversation(line, session.call, PeerDialect(dialect, line.voice), settings)
            try:
                await answered(resource, PATH, self._resources, send)
                async with TaskGroup() as tasks:
                    beside = tasks.create_task(peer.run(settings.peer_connect_ms / 1000))
                    with self._resources.registry.entered(conversation):
                        code = await conversation.run(session.first)
                    await finished(line)
                    beside.cancel()
                return code
            finally:
                await peer.close()


def new_line(offer: Offer, settings: EdgeSettings, rate: int = 0, begins_ms: int = 0) -> PeerLine:
    """Return the line of a client whose audio begins at an offset; with a rate, all its audio has that."""
    news = asyncio.Event()
    return PeerLine(Microphone(settings.peer_audio_ms, news, rate, begins_ms), Channel(news, offer.data), news)


async def begun(call: Call, settings: EdgeSettings) -> pb.ServerMessage:
    """Return the gateway's first message of a session. Raises Fault where the session is refused."""
    try:
        async with asyncio.timeout(settings.open_ms / 1000):
            message = await call.read()
        if not isinstance(message, pb.ServerMessage):
            raise await failure(call)
    except grpc.aio.AioRpcError as error:
        heed_cancellation()
        raise fault_of_call(error) from None
    except TimeoutError:
        message_ = "The gateway did not open the session in time."
        raise Fault(504, "GATEWAY_TOO_SLOW", message_, retry_after_ms=1000) from None
    if message.WhichOneof("payload") == "error" and message.error.fatal:
        raise fault_told(message.error)
    return message


async def answered(resource: Resource, path: str, resources: Resources, send: Send) -> None:
    """Answer the request for a connection."""
    sdp = await resource.peer.answer()
    answer = Response(sdp, 201, resource.headers(path), SDP)
    add_links(answer, resources.servers())
    await answer({"type": "http"}, _nothing, send)


async def finished(line: PeerLine) -> None:
    """Wait until a client has all that it was to be sent, for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await line.finish()


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}
