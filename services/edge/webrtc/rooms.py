"""Rooms by WebRTC: who speaks comes in by WHIP, who listens gets out by WHEP, captions go by the data channel."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import quote

import numpy as np
import soxr
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument, MeshError
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.faults import Fault, as_fault
from services.edge.realtime.closing import close_code
from services.edge.realtime.inputs import Spoken
from services.edge.realtime.lines import Gone
from services.edge.realtime.outputs import Out
from services.edge.rooms.holding import Present, held
from services.edge.rooms.inputs import carry_out, entry, read, room_name
from services.edge.rooms.member import Member
from services.edge.rooms.rooms import Rooms
from services.edge.rooms.values import Entry, Sent, sent
from services.edge.upstream import Caller
from services.edge.webrtc.calls import answered, finished, new_line
from services.edge.webrtc.fragments import Offer
from services.edge.webrtc.line import PeerLine
from services.edge.webrtc.requests import offered, read_offer
from services.edge.webrtc.resources import Resources
from services.edge.webrtc.voice import FRAME, RATE, Samples

WHIP, WHEP = "/v1/rooms/{room}/whip", "/v1/rooms/{room}/whep"
SPOKEN_RATE = 16_000
_WISHES = ("lang", "captions", "voice", "original")
_FLAGS = ("captions", "voice", "original")
_PARAMETERS = {WHIP: ("name", "role", "source_lang", *_WISHES), WHEP: ("name", *_WISHES)}


class RoomConnections:
    """Serves one side of rooms: `path` is that of WHIP, for who speaks, or of WHEP, for who listens."""

    def __init__(self, resources: Resources, rooms: Rooms, path: str) -> None:
        self._resources = resources
        self._rooms = rooms
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for a connection, and the connection."""
        request = Request(scope, receive)
        resources = self._resources
        caller = resources.caller(request, _PARAMETERS[self._path])
        await resources.doors.gateway.describe(caller)
        asked = self._entry(request)
        offer = read_offer(await offered(request))
        with ExitStack() as held:
            held.enter_context(resources.counted(caller, session=asked.speech is not None))
            held.enter_context(measures.connection(self._path))
            held.enter_context(tracer.start_as_current_span("edge.session"))
            async with self._rooms.joined(asked, caller) as member:
                measures.ended(self._path, await self._held(request, (caller, offer), member, send))

    def _entry(self, request: Request) -> Entry:
        """Return what a request's address asks for. Raises InvalidArgument."""
        told: dict[str, object] = {name: value for name, value in request.query_params.items() if name not in _FLAGS}
        for name in _FLAGS:
            if name in request.query_params:
                told[name] = _flag(request.query_params[name], name)
        if self._path == WHIP:
            told["source_langs"] = str(told.pop("source_lang", "auto")).split(",")
            told["input"] = {"format": "pcm16le", "sample_rate": SPOKEN_RATE}
        else:
            told.setdefault("voice", True)
        return entry(told, room_name(request.path_params["room"]))

    async def _held(self, request: Request, by: tuple[Caller, Offer], member: Member, send: Send) -> int:
        """Answer the request, and hold its connection; return the code that a WebSocket would be closed with."""
        settings = self._resources.doors.settings
        line = new_line(by[1], settings, SPOKEN_RATE)
        peer = self._resources.new_peer(by[1], line)
        connection = _Connection(line, member, settings.max_voice_wait_ms)
        try:
            with self._resources.entered(by[0], peer) as resource:
                await answered(resource, quote(request.scope["path"]), self._resources, send)
                async with TaskGroup() as tasks:
                    beside = tasks.create_task(peer.run(settings.peer_connect_ms / 1000))
                    with self._resources.registry.entered(Present(member)):
                        code = await connection.run()
                    await finished(line)
                    beside.cancel()
            return code
        finally:
            if line.said_goodbye:
                member.leave()
            await peer.close()


@dataclass(slots=True, eq=False)
class _Connection:
    """A member's connection by WebRTC."""

    line: PeerLine
    member: Member
    most_voice_ms: int
    passing: set[str] = field(default_factory=set)  # voices of whose clause the rest is left out
    originals: dict[str, Original] = field(default_factory=dict)  # by speaker

    async def run(self) -> int:
        """Hold the connection to its end; return its code, 0 where the client left."""
        try:
            fault = await held(self._read(), self._send(), Gone)
            if fault is not None:
                await self.line.send(Out(fault.event()))
        except Gone:
            return 0
        return close_code(fault.status if fault else 0)

    async def _read(self) -> None:
        """Pass on what is spoken, and carry out messages; one that cannot be taken is answered. Raises Gone."""
        while True:
            message = await self.line.receive()
            try:
                await self._take(message)
            except (MeshError, Fault) as error:
                self.member.put(sent({**as_fault(error).event(), "fatal": False}))

    async def _take(self, message: Mapping[str, object]) -> None:
        spoken = message.get("spoken")
        if isinstance(spoken, Spoken):
            if self.member.speaker is not None:
                await self.member.hear(spoken.pcm, spoken.offset)
            return
        await carry_out(self.member, read(str(message["text"])))

    async def _send(self) -> None:
        """Send the member's messages: audio by the track, all else by the channel. Raises Gone and Fault."""
        async for message in self.member.messages():
            if message.original:
                self._original(message)
            elif message.audio:
                await self._voice(message)
            else:
                await self.line.channel.send(message.text)

    async def _voice(self, message: Sent) -> None:
        """Have a piece of a voice played; of one that is too late the clause is left out, and named."""
        clause, told = message.clause, message.event
        assert clause
        late = self.line.voice.waiting_ms > self.most_voice_ms
        if clause.begins:
            (self.passing.add if late else self.passing.discard)(clause.voice)
            if late:
                measures.skipped(str(told.get("lang")))
                named = {name: told[name] for name in ("speaker", "lang", "segment_id", "text") if name in told}
                await self.line.send(Out({"type": "voice_skipped", **named, "reason": "SLOW_READER"}))
        if clause.voice in self.passing:
            return
        out = Out(dict(told), None, clause.voice, message.audio, begins=clause.begins, ends=clause.ends)
        self.line.speak(out)
        if clause.begins or clause.ends:
            await self.line.channel.send(message.text)

    def _original(self, message: Sent) -> None:
        told = message.event
        if told.get("format") != "pcm16le":
            return  # packets of another encoding are for clients that decode them
        rate = told.get("sample_rate")
        assert isinstance(rate, int)
        original = self.originals.setdefault(str(told.get("speaker")), Original(rate))
        for frame in original.frames(message.audio):
            self.line.voice.hear(frame)


class Original:
    """One speaker's own audio, as frames that a voice can be mixed with."""

    def __init__(self, rate: int) -> None:
        self._resampler = soxr.ResampleStream(rate, RATE, 1, "int16", "LQ")
        self._rest = np.zeros(0, np.int16)

    def frames(self, pcm: bytes) -> list[Samples]:
        """Return the frames that are whole with a piece of audio."""
        found = self._resampler.resample_chunk(np.frombuffer(pcm, "<i2"))
        samples = np.concatenate([self._rest, np.asarray(found, dtype=np.int16)])
        whole = len(samples) - len(samples) % FRAME
        self._rest = samples[whole:]
        return [samples[start : start + FRAME] for start in range(0, whole, FRAME)]


def _flag(value: str, name: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidArgument("WRONG_TYPE", "The value has another type.", f"query.{name}", ["true or false"])
    return value == "true"
