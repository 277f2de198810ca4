"""A protocol of the edge, as a conversation speaks it: its messages to those of the contract, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.faults import Fault
from services.edge.realtime.inputs import Spoken
from services.edge.realtime.outputs import Event, Out

Received = Mapping[str, object]  # a message as ASGI tells it: its `text`, or its `bytes`


class Dialect(Protocol):
    """One connection's side of a protocol."""

    forgiving: bool  # whether a session goes on behind a message that cannot be taken

    @property
    def heard_ms(self) -> float:
        """Where the session's audio stands that came, in milliseconds."""

    @property
    def fatal(self) -> int:
        """The HTTP status of the error that ended the session; 0 for none."""

    def read(self, message: Received) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's message. Raises InvalidArgument."""

    def answers(self) -> Iterator[Event]:
        """Yield what the edge itself has to say to the message that was read last."""

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield, by language, how far the message that was read last says that a voice was played, in milliseconds."""

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message of the gateway."""

    def refusal(self, fault: Fault, fatal: bool) -> Event:
        """Return the event of a fault."""

    def goodbye(self, milliseconds: int) -> Event | None:
        """Return the event that asks the client to go on elsewhere; None where the protocol has none."""

    def beat(self) -> Event | None:
        """Return the event of a heartbeat; None for none."""


class SpokenDialect(Dialect, Protocol):
    """A dialect that audio comes for beside its messages."""

    def spoken(self, spoken: Spoken) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's audio."""
