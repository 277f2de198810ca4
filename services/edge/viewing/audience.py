"""One session's captions for its viewers: what is concluded so far, what is open, and who reads along.

Nothing here makes the session wait. A result takes the place of the one before it about the same thing, also where it
waits for a viewer; of what is concluded the newest part is kept; a viewer for whom too much waits is let go, and comes
back with the number of what it read last.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = tuple[str, object, object]  # transcript or translation, segment, target language

MOST_LINES = 500  # concluded results of a session that late viewers get
MOST_BYTES = 128 * 1024  # of them
MOST_WAITING = MOST_LINES + 200  # results for one viewer
MOST_OPEN = 64  # interim results of a session
STAY_SECONDS = 15.0  # of silence, after which a viewer is sent a comment
LOST_SECONDS = 60.0  # for a session to go on here after its connection was lost
_SHOWN = ("text", "segment_id", "stable_length", "start_ms", "end_ms", "lang", "target_lang", "origin")
_KINDS = {
    "partial_asr": "asr",
    "final_asr": "asr",
    "partial_translation": "translation",
    "final_translation": "translation",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A result as viewers are sent it."""

    number: int  # of concluded ones; 0 for an interim one
    text: str
    lang: str
    sent: bytes


@dataclass(slots=True, eq=False)
class Viewer:
    """One reader: what waits for it, of the languages that it asked for."""

    langs: frozenset[str] = frozenset()  # empty: all
    partial: bool = True
    waiting: dict[Key | str, bytes] = field(default_factory=dict)
    closed: bool = False
    leaving: bool = False  # with the session: the process stops
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, key: Key, line: Line) -> None:
        """Add a result, in the place of the one before it about the same thing."""
        if self.closed or (self.langs and line.lang not in self.langs) or not (line.number or self.partial):
            return
        self.waiting[key] = line.sent
        self.more.set()
        if len(self.waiting) > MOST_WAITING:
            self.waiting.clear()
            self.close()

    def say(self, sent: bytes) -> None:
        """Add an event that is no result."""
        self.waiting[f"{len(self.waiting)}"] = sent
        self.more.set()

    def close(self) -> None:
        """End the stream, behind what waits."""
        self.closed = True
        self.more.set()

    def leave(self, milliseconds: int) -> None:
        """Stay as long as the session does, which is asked to leave, too."""
        self.leaving = True

    def end(self, fault: object) -> None:
        """End the stream, as the process stops."""
        self.close()

    async def take(self) -> bytes:
        """Return what waits once there is something, a comment after some silence; empty at the end."""
        try:
            async with asyncio.timeout(STAY_SECONDS):
                await self.more.wait()
        except TimeoutError:
            return b": \n\n"
        self.more.clear()
        sent = b"".join(self.waiting.values())
        self.waiting.clear()
        if self.closed:
            self.more.set()
        return sent


@dataclass(slots=True, eq=False)
class Audience:
    """The captions and viewers of one session."""

    epoch: str  # begins the numbers of this process, which another one does not know
    lines: OrderedDict[Key, Line] = field(default_factory=OrderedDict)  # what is concluded, the oldest first
    open: dict[Key, Line] = field(default_factory=dict)  # interim results, the newest of each
    viewers: set[Viewer] = field(default_factory=set)
    speakers: int = 0  # connections that hold the session
    last: int = 0  # number of the newest concluded result

    def take(self, event: Mapping[str, object]) -> None:
        """Record an event of the session, and pass it on."""
        kind = str(event["type"])
        if kind == "end_of_session":
            self.end("end_of_session")
        if kind not in _KINDS:
            return
        key = (_KINDS[kind], event["segment_id"], event.get("target_lang"))
        text, concluded = str(event["text"]), kind.startswith("final")
        if key in self.lines and (not concluded or self.lines[key].text == text):
            return  # it comes again as the session goes on in another connection
        line = self._line(kind, event, concluded)
        self.open.pop(key, None)
        if concluded:
            self.lines.pop(key, None)
            self.lines[key] = line
            self._forget()
        else:
            self.open[key] = line
            if len(self.open) > MOST_OPEN:
                del self.open[next(iter(self.open))]
        for viewer in self.viewers:
            viewer.put(key, line)

    def _line(self, kind: str, event: Mapping[str, object], concluded: bool) -> Line:
        self.last += concluded
        told = {name: event[name] for name in _SHOWN if name in event}
        number = f"{self.epoch}-{self.last}" if concluded else ""
        lang = str(event.get("target_lang") or event.get("lang"))
        return Line(self.last if concluded else 0, str(event["text"]), lang, block(kind, told, number))

    def _forget(self) -> None:
        """Forget the oldest concluded results beyond what is kept."""
        size = sum(len(each.sent) for each in self.lines.values())
        while len(self.lines) > MOST_LINES or size > MOST_BYTES:
            size -= len(self.lines.popitem(last=False)[1].sent)

    def join(self, viewer: Viewer, seen: str) -> None:
        """Add a viewer that has read up to an id, empty for nothing: what it lacks comes first."""
        epoch, _, number = seen.rpartition("-")
        after = int(number) if epoch == self.epoch and number.isdecimal() else 0
        first = next(iter(self.lines.values())).number if self.lines else self.last + 1
        viewer.say(block("captions", {"left_out": max(0, first - 1 - after)}))
        for key, line in (*self.lines.items(), *self.open.items()):
            if line.number > after or not line.number:
                viewer.put(key, line)
        self.viewers.add(viewer)

    def end(self, kind: str) -> None:
        """End all streams with an event."""
        for viewer in self.viewers:
            viewer.say(block(kind, {}))
            viewer.close()


def block(kind: str, told: Mapping[str, object], number: str = "") -> bytes:
    """Return an event of a stream: its id where it has one, its kind, its data in one line."""
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    lines = ([f"id: {number}"] if number else []) + [f"event: {kind}", f"data: {data}"]
    return ("\n".join(lines) + "\n\n").encode()
