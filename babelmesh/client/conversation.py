"""One session as its client knows it: what was said, what came back, and the hello that goes on from there. Pure."""

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
    """The session opened by a hello. Instants are seconds of a steady clock."""

    def __init__(self, hello: SessionConfig, ready: Ready, resume: bool, now: float = 0.0) -> None:
        self._session_id = ready.session_id
        self._resume = resume and bool(ready.resume)
        self._log = ReplayLog(hello)
        langs = [target.lang for target in ready.config.targets]
        self._received = Received(langs, bool(hello.heartbeat_ms), hello.partial_results)
        self._received.handle = ready.resume
        self._started: float | None = None  # when the first sample was spoken
        self._deaths = Deaths(ready.server, now)

    @property
    def resumable(self) -> bool:
        """Whether it can go on over another call."""
        return self._resume

    @property
    def complete(self) -> bool:
        """Whether the session's `end` came: nothing is lost with the call."""
        return self._received.complete

    @property
    def ended(self) -> bool:
        """Whether the client has said that nothing more is sent."""
        return self._log.ended

    def said(self, message: ClientMessage | None, now: float) -> None:
        """The client says something, or that there is no more. A chunk of audio is given its offset."""
        entry = self._log.add(message, self._received.finals)
        if self._started is None and entry.kind in ("audio", "text"):
            self._started = now - self._log.seconds(entry)
        if message and message.control.action == "set_target_lang":
            self._received.targets_set([target.lang for target in message.control.targets])

    def unwritten(self, written: int) -> Entry | None:
        """What is to be written next, behind an entry of the log."""
        return self._log.after(written)

    def wrote(self) -> None:
        """An entry was written. Where nothing can be sent again, nothing is kept for it."""
        if not self._resume:
            self._log.forget()

    def heard(self, event: Event, written: int) -> Sequence[Event]:
        """An event came over a call that so much of the log was written to. Returns what is news to the reader."""
        if isinstance(event, (Ready, GoAway)) and self._resume:
            self._received.handle = event.resume or self._received.handle
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
        """The hello to go on with at another server."""
        clock_ms = round((now - self._started) * 1000) if self._started is not None else 0
        hello = SessionConfig(resume=self._received.handle)
        hello.MergeFrom(self._log.hello)
        hello.received.CopyFrom(self._received.report(self._log.known_finals, self._session_id, clock_ms))
        if self._deaths.count:
            hello.deaths, hello.lost_server = self._deaths.count, self._deaths.server
        return hello

    def lost(self, written: int, now: float) -> None:
        """A server went away without a word, over a call that so much of the log was written to."""
        entries = {f"{entry.kind} {entry.number}" for entry in self._log.in_work(written)}
        self._deaths.lost(entries | {f"segment {number}" for number in self._received.unfinished}, now)

    def resumed(self, ready: Ready, now: float = 0.0) -> Sequence[Event]:
        """Another server goes on. Returns what its reader is to be told; the log is to be written again.

        What two servers have ended over is not, and is named to the reader.
        """
        self._received.handle = ready.resume or self._received.handle
        self._log.rewind(ready.resumed_ms)
        fatal = self._deaths.resumed(ready.server, now)
        gone = self._log.leave_out([int(each.split()[1]) for each in fatal if not each.startswith("segment ")])
        return [*self._received.resumed(), *left_out(gone, self._log)]
