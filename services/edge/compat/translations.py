"""`/v1/realtime/translations`: the WebSocket of OpenAI's clients."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.websockets import WebSocket

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.compat.openai import CLOSE, MODEL, UPDATE, OpenAiDialect, Session, event, new_session, read_event
from services.edge.doors.entrance import Doors
from services.edge.doors.languages import usual_source
from services.edge.doors.tokens import Spoken
from services.edge.faults import Fault, as_fault
from services.edge.realtime.closing import DONE
from services.edge.realtime.door import SocketDoor
from services.edge.realtime.lines import Line, SocketLine
from services.edge.realtime.outputs import Out
from services.edge.realtime.registry import Registry
from services.edge.upstream import Caller

PATH = "/v1/realtime/translations"
PARAMETERS = ("model", "source_lang", "target_lang")
PATIENCE = 6  # times that of a hello: people may have to choose a language first
SPOKEN = Spoken("realtime", "openai-insecure-api-key.", encoded=False)


class Translations:
    """Serves OpenAI's protocol."""

    def __init__(self, doors: Doors, registry: Registry) -> None:
        self._door = SocketDoor(doors, registry, PATH, SPOKEN)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection."""
        dialect = OpenAiDialect(new_session(socket.query_params.get("target_lang", "")))

        def told(fault: Fault) -> object:
            return dialect.refusal(fault, True)

        await self._door.serve(socket, PARAMETERS, lambda caller: self._conversed(socket, caller, dialect), told)

    async def _conversed(self, socket: WebSocket, caller: Caller, dialect: OpenAiDialect) -> int:
        if socket.query_params.get("model", MODEL) != MODEL:
            raise InvalidArgument("UNKNOWN_MODEL", "This server has no such model.", "model", [MODEL])
        described = await self._door.doors.gateway.describe(caller)
        source = socket.query_params.get("source_lang") or usual_source(described)
        known = replace(dialect.session, source=source)
        patience_ms = PATIENCE * self._door.doors.settings.hello_ms
        dialect.session = await set_up(SocketLine(socket), OpenAiDialect(known), described, patience_ms)
        if not dialect.session.target:
            return DONE
        return await self._door.converse(socket, caller, dialect.session.config(), dialect)


async def set_up(line: Line, dialect: OpenAiDialect, described: pb.DescribeResponse, patience_ms: int) -> Session:
    """Speak with a client until its languages are known; without a target where it closes before.

    Raises Gone, and Fault where they are not known in time.
    """
    try:
        async with asyncio.timeout(patience_ms / 1000):
            return await _set_up(line, dialect, described)
    except TimeoutError:
        message = f"No {UPDATE} named the languages within {patience_ms} ms."
        raise Fault(504, "HELLO_TIMEOUT", message, "session") from None


async def _set_up(line: Line, dialect: OpenAiDialect, described: pb.DescribeResponse) -> Session:
    session = dialect.session
    await line.send(Out(event("session.created", session=session.told())))
    while not (session.source and session.target):
        message = await line.receive()
        if "spoken" in message:
            continue  # nobody knows yet which language it is in
        try:
            session, answer = _before(session, read_event(message), described)
        except InvalidArgument as error:
            answer = dialect.refusal(as_fault(error), False)
        await line.send(Out(answer))
        if answer["type"] == "session.closed":
            return replace(session, target="")
    return session


def _before(session: Session, told: object, described: pb.DescribeResponse) -> tuple[Session, dict[str, object]]:
    """Return the session behind a client's event that came before its languages were known, and the answer."""
    assert isinstance(told, dict)
    if told["type"] == CLOSE:
        return session, event("session.closed")
    if told["type"] != UPDATE:
        field = "session.audio.output.language" if session.source else "session.audio.input.language"
        accepted = {each.target_lang for each in described.pairs} if session.source else described.source_langs
        raise InvalidArgument("LANGUAGE_MISSING", f"A {UPDATE} names it before audio.", field, sorted(accepted))
    updated = session.updated(told.get("session"))
    return updated, event("session.updated", session=updated.told())
