"""`/v1/realtime/translations/calls`: OpenAI's protocol by WebRTC, events by the data channel and audio by tracks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument, MeshError
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.compat.openai import MODEL, RATE, OpenAiDialect, Session, new_session
from services.edge.compat.translations import PATIENCE, set_up
from services.edge.doors.languages import usual_source
from services.edge.faults import Fault, as_fault
from services.edge.fields import Json
from services.edge.realtime.closing import DONE, close_code
from services.edge.realtime.conversation import Conversation
from services.edge.realtime.door import opened
from services.edge.realtime.lines import Gone
from services.edge.realtime.outputs import Out
from services.edge.upstream import Caller
from services.edge.webrtc.calls import answered, finished, new_line
from services.edge.webrtc.line import PeerDialect, PeerLine
from services.edge.webrtc.requests import offered, read_offer
from services.edge.webrtc.resources import Resources

PATH = "/v1/realtime/translations/calls"
PARAMETERS = ("model", "source_lang", "target_lang")


class TranslationCalls:
    """Serves OpenAI's protocol by WebRTC."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for a connection, and the connection."""
        request = Request(scope, receive)
        resources = self._resources
        caller = resources.caller(request, PARAMETERS)
        with resources.counted(caller):
            told = await offered(request)
            session, offer = _session(told, request), read_offer(told)
            line = new_line(offer, resources.doors.settings, RATE)
            peer = resources.new_peer(offer, line)
            with measures.connection(PATH), tracer.start_as_current_span("edge.session"):
                try:
                    with resources.entered(caller, peer) as resource:
                        await answered(resource, PATH, resources, send)
                        async with TaskGroup() as tasks:
                            seconds = resources.doors.settings.peer_connect_ms / 1000
                            beside = tasks.create_task(peer.run(seconds))
                            measures.ended(PATH, await self._conversed(line, caller, session))
                            beside.cancel()
                finally:
                    await peer.close()

    async def _conversed(self, line: PeerLine, caller: Caller, session: Session) -> int:
        """Speak with a client until it is gone, and return the code that a WebSocket would be closed with."""
        dialect = OpenAiDialect(session)
        gateway, settings = self._resources.doors.gateway, self._resources.doors.settings
        try:
            described = await gateway.describe(caller)
            known = replace(session, source=session.source or usual_source(described))
            dialect.session = await set_up(line, OpenAiDialect(known), described, PATIENCE * settings.hello_ms)
            if not dialect.session.target:
                return DONE
            call = await opened(gateway.stream(caller), dialect.session.config())
            conversation = Conversation(line, call, PeerDialect(dialect, line.voice), settings)
            with self._resources.registry.entered(conversation):
                code = await conversation.run()
            await finished(line)
        except Gone:
            return 0
        except (MeshError, Fault) as refusal:
            fault = as_fault(refusal)
            code = close_code(fault.status)
            with suppress(Gone):
                await line.send(Out(dialect.refusal(fault, True)))
        return code


def _session(told: Json, request: Request) -> Session:
    """Return the session that a request asks for. Raises InvalidArgument."""
    query = request.query_params
    for name in told:
        if name not in ("sdp", "session"):
            raise InvalidArgument("UNKNOWN_FIELD", "There is no such field here.", name[:64], ["sdp", "session"])
    model = query.get("model", MODEL)
    if model != MODEL:
        raise InvalidArgument("UNKNOWN_MODEL", "This server has no such model.", "model", [MODEL])
    session = replace(new_session(query.get("target_lang", "")), source=query.get("source_lang", ""))
    return session.updated(told["session"]) if told.get("session") else session
