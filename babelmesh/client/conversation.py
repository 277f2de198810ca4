"""A session's state at its client: messages sent, events received, and the hello to resume with. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from babelmesh.client.deaths import Deaths
from babelmesh.client.events import (
    Ack,
    AsrResult,
    ClientMessage,
    Error,
    Event,
    GoAway,
    Marker,
    Ready,
    SessionConfig,
    SpeechEvent,
)
from babelmesh.client.leaving_out import left_out
from babelmesh.client.received import Received
from babelmesh.client.replay import Entry, ReplayLog

STAY = Marker(marker="babelmesh-stay")  # the client's own ping, kept from the reader


class Conversation:
    """The state of a session opened by a hello. Instants are in seconds of a steady clock."""

    def __init__(self, hello: SessionConfig, ready: Ready, reconnect: bool, now: float = 0.0) -> None:
        self._session_id = ready.session_id
        self._reconnects = reconnect and bool(ready.resume_handle)
        self._log = ReplayLog(hello)
        langs = [target.lang for target in ready.config.targets]
        self._received = Received(langs, bool(hello.heartbeat_ms), hello.partial_results)
        self._received.handle = ready.resume_handle
        self._started: float | None = None  # when the first sample was spoken
        self._deaths = Deaths(ready.server, now)

    @property
    def resumable(self) -> bool:
        """Whether the session can be resumed over another call."""
        return self._reconnects

    @property
    def complete(self) -> bool:
        """Whether the session's `end` has come, so that losing the call loses nothing."""
        return self._received.complete

    @property
    def ended(self) -> bool:
        """Whether the client has half-closed: nothing more is sent."""
        return self._log.ended

    def said(self, message: ClientMessage | None, now: float) -> None:
        """Record a message that the client sends, None for the half-close. A chunk of audio is given its offset."""
        entry = self._log.add(message, self._received.finals)
        if self._started is None and entry.kind in ("audio", "text"):
            self._started = now - self._log.seconds(entry)
        if message and message.control.action == "set_target_lang":
            self._received.targets_set([target.lang for target in message.control.targets])

    def unwritten(self, written: int) -> Entry | None:
        """Return the first entry of the log behind number `written`; None when all is written."""
        return self._log.after(written)

    def wrote(self) -> None:
        """Record that an entry was written. In a session that cannot be resumed, the log is then emptied."""
        if not self._reconnects:
            self._log.forget()

    def heard(self, event: Event, written: int) -> Sequence[Event]:
        """Record an event from a call to which the log was written up to `written`; return what is new to the
        reader.
        """
        if isinstance(event, (Ready, GoAway)) and self._reconnects:
            self._received.handle = event.resume_handle or self._received.handle
            return []
        if isinstance(event, (Ack, AsrResult, SpeechEvent)):
            self._deaths.bore("audio")
        news = [each for each in self._received.take(event) if each != STAY]
        match event:
            case Ack():
                self._log.acknowledged(event.finalized_offset_ms, written)
            case Marker():
                self._log.answered(event.marker)
            case Error() if event.field.startswith("control.glossary"):
                self._log.refused("set_dictionary")
            case Error() if event.field.startswith("control.targets"):
                self._log.refused("set_target_lang")
        if isinstance(event, (Ack, AsrResult)):
            self._log.concluded(self._received.covered(self._log.known_finals), self._received.heard_ms)
        return news

    def hello(self, now: float) -> SessionConfig:
        """Return the hello with which to resume at another server."""
        clock_ms = round((now - self._started) * 1000) if self._started is not None else 0
        hello = SessionConfig(resume_handle=self._received.handle)
        hello.MergeFrom(self._log.hello)
        hello.received.CopyFrom(self._received.report(self._log.known_finals, self._session_id, clock_ms))
        if self._deaths.count:
            hello.deaths, hello.lost_server = self._deaths.count, self._deaths.server
        return hello

    def lost(self, written: int, now: float) -> None:
        """Record that a server was lost, over a call to which the log was written up to `written`."""
        entries = {f"{entry.kind} {entry.number}" for entry in self._log.in_work(written)}
        self._deaths.lost(entries | {f"segment {number}" for number in self._received.unfinished}, now)

    def resumed(self, ready: Ready, now: float = 0.0) -> Sequence[Event]:
        """Record that another server took over; return the events its reader needs. The log is to be written again.

        What two servers have ended over is not, and is named to the reader.
        """
        self._received.handle = ready.resume_handle or self._received.handle
        self._log.rewind(ready.resume_offset_ms)
        fatal = self._deaths.resumed(ready.server, now)
        gone = self._log.leave_out([int(each.split()[1]) for each in fatal if not each.startswith("segment ")])
        return [*self._received.resumed(), *left_out(gone, self._log)]
