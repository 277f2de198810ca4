"""The messages sent, as long as they may have to be sent again. Pure.

Kept are audio until it is in a final transcript or acknowledged, typed text until its segment's final transcript came,
commands until audio behind them was acknowledged, pings until they are answered, and the end. What an acknowledged
command had set is part of the next hello instead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from babelmesh.client.events import ClientMessage, Control, SessionConfig
from babelmesh.client.offsets import AudioClock
from babelmesh.client.received import Covered

MOST_SECONDS = 120  # of audio kept; of more, the oldest is reported as missing should it be needed

_SETTING = ("set_target_lang", "set_dictionary", "pause", "resume")  # they hold for all that follows
_INPUT = ("audio", "text", "set_dictionary", "set_target_lang")  # what servers work on
_CLOSING = ("commit", "pause")  # these end a segment of typed text


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the log, with its number and place."""

    number: int  # rising
    message: ClientMessage | None  # None: the half-close
    place_samples: int  # where the session's audio stood before it
    end_samples: int  # and behind it, at the input's rate
    typed: int  # segments of typed text that were closed before it
    finals: int  # the newest segment whose final transcript, and those of all before it, had come

    @property
    def kind(self) -> str:
        """The entry's kind: "audio", "text", the action of a control, or "end"."""
        if self.message is None:
            return "end"
        kind = str(self.message.WhichOneof("payload"))
        return self.message.control.action if kind == "control" else kind


class ReplayLog:
    """The messages of one session behind its hello, in order."""

    def __init__(self, hello: SessionConfig) -> None:
        self._hello = SessionConfig()
        self._hello.CopyFrom(hello)
        self._clock = AudioClock(hello.input)
        self._typed = _TypedText()
        self._last = 0
        self._paused = False  # at the log's beginning
        self._entries: list[Entry] = []

    @property
    def hello(self) -> SessionConfig:
        """The configuration in force at the log's beginning."""
        return self._hello

    @property
    def ended(self) -> bool:
        """Whether the half-close is in the log: nothing may follow."""
        return bool(self._entries) and self._entries[-1].message is None

    @property
    def known_finals(self) -> int | None:
        """The last segment to report to a server that begins at the log's beginning; None for all.

        A change of targets that is replayed comes behind the segments that were final before it, and before all others.
        """
        return next((entry.finals for entry in self._entries if entry.kind == "set_target_lang"), None)

    def add(self, message: ClientMessage | None, finals: int = 0) -> Entry:
        """Append a message, None for the half-close; a chunk of audio is given its offset."""
        place, typed = self._clock.now_samples, self._typed.closed
        end = self._clock.place(message.audio) if message and message.HasField("audio") else place
        self._last += 1
        entry = Entry(self._last, message, place, end, typed, finals)
        self._typed.add(entry)
        self._entries.append(entry)
        if entry.kind == "audio":
            self._bound()
        return entry

    def seconds(self, entry: Entry) -> float:
        """Return the length of an entry's audio in seconds; 0 for other kinds."""
        return self._ms(entry.end_samples - entry.place_samples) / 1000

    def after(self, number: int) -> Entry | None:
        """Return the first entry behind a number; None without one."""
        index = bisect_right(self._entries, number, key=lambda entry: entry.number)
        return self._entries[index] if index < len(self._entries) else None

    def in_work(self, written: int) -> list[Entry]:
        """Return the input among the entries up to a number: what a server that received them may end over."""
        return [entry for entry in self._entries if entry.number <= written and entry.kind in _INPUT]

    def leave_out(self, numbers: Collection[int]) -> list[Entry]:
        """Remove entries from the log, so that they are never sent again, and return them."""
        gone = [entry for entry in self._entries if entry.number in numbers]
        self._keep(lambda entry: entry.number not in numbers)
        return gone

    def stretch_ms(self, entry: Entry) -> tuple[int, int]:
        """Return where an entry's audio begins and ends on the session's audio clock, in milliseconds."""
        return round(self._ms(entry.place_samples)), round(self._ms(entry.end_samples))

    def forget(self) -> None:
        """Drop all entries but the half-close: the session cannot be resumed."""
        self._keep(lambda entry: entry.kind == "end")

    def acknowledged(self, offset_ms: int, written: int) -> None:
        """Drop what was delivered before an offset, by a call on which the entries up to `written` were written.

        What was set before the offset is in force; a call that has not been told of it yet must be all the same.
        """
        past = [entry for entry in self._entries if self._done(entry, offset_ms)]
        past = [entry for entry in past if entry.kind not in _SETTING or entry.number <= written]
        for entry in past:
            self._set(entry)
        numbers = {entry.number for entry in past}
        self._keep(lambda entry: entry.number not in numbers)

    def concluded(self, covered: Covered, heard_ms: int) -> None:
        """Drop the typed text and audio that final transcripts cover."""
        self._keep(lambda entry: entry.kind != "audio" or self._ms(entry.end_samples) > covered.audio_ms)
        written = self._typed.concluded(self._entries, covered.typed)
        self._keep(lambda entry: entry.number not in written)

        def taken(entry: Entry) -> bool:  # what was sent behind it came back, so it was read
            return covered.typed > entry.typed or heard_ms > self._ms(entry.place_samples)

        self._keep(lambda entry: entry.kind != "interrupt" or not taken(entry))

    def answered(self, marker: str) -> None:
        """Drop the oldest ping with this marker, which was answered."""
        for entry in self._entries:
            if entry.kind == "ping" and entry.message and entry.message.control.marker == marker:
                self._keep(lambda each: each is not entry)  # noqa: B023  # called at once
                return

    def refused(self, action: str) -> None:
        """Drop a refused glossary or targets: those before stay in force."""
        refused = [entry for entry in self._entries if entry.kind == action][-1:]
        self._keep(lambda entry: entry not in refused)

    def rewind(self, resumed_ms: int) -> None:
        """Prepare to send the audio from an offset on again, with all other entries."""
        self._keep(lambda entry: entry.kind != "audio" or self._ms(entry.end_samples) > resumed_ms)
        if self._paused:
            number = self._entries[0].number if self._entries else self._last + 1
            paused = ClientMessage(control=Control(action="pause"))
            self._paused = False
            self._entries.insert(0, Entry(number - 1, paused, 0, 0, self._typed.closed, 0))

    def _set(self, entry: Entry) -> None:
        control = entry.message.control if entry.message else Control()
        match control.action:
            case "set_target_lang":
                self._hello.target_lang = ""
                del self._hello.targets[:]
                self._hello.targets.extend(control.targets)
            case "set_dictionary":
                self._hello.glossary.CopyFrom(control.glossary)
            case "pause" | "resume" as action:
                self._paused = action == "pause"

    def _done(self, entry: Entry, offset_ms: int) -> bool:
        """Return whether an acknowledged offset is past an entry.

        A command at the very offset may not have been read yet; a commit there has nothing left to end.
        """
        match entry.kind:
            case "audio":
                return self._ms(entry.end_samples) <= offset_ms
            case "commit":
                return self._ms(entry.place_samples) <= offset_ms
            case "text" | "ping" | "end":
                return False
        return self._ms(entry.place_samples) < offset_ms

    def _bound(self) -> None:
        audio = [entry for entry in self._entries if entry.kind == "audio"]
        if self._clock.rate and audio[-1].end_samples - audio[0].place_samples > MOST_SECONDS * self._clock.rate:
            self._keep(lambda entry: entry is not audio[0])

    def _keep(self, kept: Callable[[Entry], bool]) -> None:
        self._entries = [entry for entry in self._entries if kept(entry)]

    def _ms(self, samples: int) -> float:
        return samples * 1000 / (self._clock.rate or 1)


class _TypedText:
    """Maps typed text to segments: a final chunk, a commit or the end closes one; a blank one counts as none."""

    def __init__(self) -> None:
        self.closed = 0
        self._open = ""
        self._concluded = 0

    def add(self, entry: Entry) -> None:
        """Add an entry, which may close the open segment."""
        if entry.message and entry.kind == "text":
            self._open += entry.message.text.text
        if _closes(entry) and self._open.strip():
            self.closed, self._open = self.closed + 1, ""

    def concluded(self, entries: Iterable[Entry], count: int) -> set[int]:
        """Return the numbers of the entries whose segments are among the first `count`."""
        done: set[int] = set()
        gathered: list[int] = []
        text = ""
        for entry in entries:
            if self._concluded == count:
                break
            if entry.message and entry.kind == "text":
                gathered.append(entry.number)
                text += entry.message.text.text
            if _closes(entry) and text.strip():
                done.update(gathered)
                gathered, text = [], ""
                self._concluded += 1
        return done


def _closes(entry: Entry) -> bool:
    if entry.message and entry.kind == "text":
        return entry.message.text.final
    return entry.kind in (*_CLOSING, "end")
