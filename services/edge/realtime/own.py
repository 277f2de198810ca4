"""The edge's own protocol, spoken at `/v1/realtime`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.faults import Fault
from services.edge.fields import as_echo
from services.edge.realtime.dialect import Received
from services.edge.realtime.hello import Asked
from services.edge.realtime.inputs import Inputs, Spoken, parsed
from services.edge.realtime.outputs import Event, Out, Outputs, go_away, heartbeat
from services.edge.viewing.galleries import Showing


class OwnDialect:
    """One connection that speaks the edge's own protocol."""

    forgiving = False

    def __init__(self, asked: Asked, showing: Showing | None = None) -> None:
        config = asked.config
        self._inputs = Inputs(config.input.format, config.input.sample_rate)
        self._outputs = Outputs(asked, self._inputs)
        self._answers: list[Event] = []
        self._showing = showing

    @property
    def heard_ms(self) -> float:
        """Where the session's audio stands that came, in milliseconds."""
        return self._inputs.heard_ms

    @property
    def fatal(self) -> int:
        """The HTTP status of the error that ended the session; 0 for none."""
        return self._outputs.fatal

    def read(self, message: Received) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's message. Raises InvalidArgument."""
        text = message.get("text")
        if not isinstance(text, str):
            data = message.get("bytes")
            return self._inputs.binary(data if isinstance(data, bytes) else b"")
        told = parsed(text)
        if told.get("type") == "hello":
            raise InvalidArgument("HELLO_REPEATED", "A session has one hello, its first message.", "hello", ["one"])
        if told.get("type") == "ping":
            named = {"id": as_echo(told["id"], "ping.id")} if "id" in told else {}
            self._answers.append({"type": "pong", **named})
        return self._inputs.read(told)

    def spoken(self, spoken: Spoken) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for audio of a track."""
        return self._inputs.spoken(spoken)

    def answers(self) -> Iterator[Event]:
        """Yield the pong of a ping."""
        yield from self._answers
        self._answers.clear()

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield how far voices were played."""
        yield from self._inputs.played.items()
        self._inputs.played.clear()

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message of the gateway."""
        for out in self._outputs.events(message):
            if self._showing:
                self._showing.take(out.event)
            yield out

    def refusal(self, fault: Fault, fatal: bool) -> Event:
        """Return the error of a fault."""
        return {**fault.event(), "fatal": fatal}

    def goodbye(self, milliseconds: int) -> Event:
        """Return the `go_away`, with the newest handle."""
        return go_away(milliseconds, self._outputs.handle)

    def beat(self) -> Event | None:
        """Return the heartbeat of a session that has sent audio."""
        return heartbeat(self._inputs, self._outputs.lag_ms) if self._inputs.heard_ms else None
