"""A session over many calls against one over a single call: the reader cannot tell them apart. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from babelmesh.client.conversation import Conversation
from babelmesh.client.events import Event, event_of
from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.interpreter import RATE, Interpreter

HELLO = pb.SessionConfig(
    source_lang="en",
    targets=[pb.Target(lang="es"), pb.Target(lang="ca")],
    input=pb.AudioFormat(format="pcm16le", sample_rate=RATE),
    partial_results=True,
)


def audio(samples: int, first: int = 0) -> pb.ClientMessage:
    pcm = b"".join(((first + index) & 0x7FFF).to_bytes(2, "little") for index in range(samples))
    return pb.ClientMessage(audio=pb.AudioChunk(data=pcm))


def control(action: str, **rest: Any) -> pb.ClientMessage:
    return pb.ClientMessage(control=pb.Control(action=action, **rest))


def text(words: str, final: bool = True) -> pb.ClientMessage:
    return pb.ClientMessage(text=pb.TextChunk(text=words, final=final))


@dataclass
class Wire:
    """A conversation with interpreters, one call after the other. What is under way is lost with the call."""

    server: Interpreter = field(default_factory=lambda: Interpreter(HELLO))
    told: list[Event] = field(default_factory=list)
    out: deque[pb.ServerMessage] = field(default_factory=deque)
    written: int = -1

    def __post_init__(self) -> None:
        self.out.extend(self.server.ready())
        self.client = Conversation(HELLO, self.out.popleft().ready, reconnect=True)

    def say(self, message: pb.ClientMessage | None) -> None:
        own = pb.ClientMessage()
        own.CopyFrom(message or own)
        self.client.said(own if message else None, 0.0)

    def carry(self, sent: int, received: int) -> None:
        """So many messages reach the server, then so many the client."""
        for _ in range(sent):
            if (entry := self.client.unwritten(self.written)) is None:
                break
            self.written = entry.number
            self.out.extend(self.server.hear(entry.message))
        for _ in range(min(received, len(self.out))):
            event = event_of(self.out.popleft())
            assert event is not None
            self.told.extend(self.client.heard(event, self.written))

    def lose(self) -> None:
        self.out.clear()
        self.server = Interpreter(self.client.hello(0.0))
        self.out.extend(self.server.ready())
        self.told.extend(self.client.resumed(self.out.popleft().ready))
        self.written = -1

    def finish(self) -> list[Event]:
        while not self.client.complete:
            before = (len(self.out), self.written)
            self.carry(1, 1000)
            assert before != (len(self.out), self.written), "it stands still"
        return self.told


def seen(events: Iterable[Event]) -> dict[object, object]:
    """What a reader makes of the events, less what tells the time: each language for itself."""
    made: dict[object, list[Any]] = {}
    for event in events:
        about, said = _noted(event)
        made.setdefault(about, []).append(said)
    acknowledged = made.pop("acknowledged", [])
    assert acknowledged == sorted(acknowledged)
    return {**made, "latencies": sorted(made.pop("latencies", []))}


def _noted(event: Event) -> tuple[object, object]:
    match event:
        case pb.AsrResult():
            return "asr", (event.segment_id, event.revision, event.final, event.text)
        case pb.TranslationResult():
            return event.target_lang, (event.segment_id, event.revision, event.final, event.text)
        case pb.TtsChunk():
            about = ("speech", event.target_lang)
            return about, (event.offset_ms, event.segment_id, event.text, event.last, event.data)
        case pb.Latency():
            return "latencies", (event.segment_id, event.target_lang)
        case pb.Ack():
            return "acknowledged", event.finalized_offset_ms
    return (type(event).__name__, getattr(event, "target_lang", "")), str(event)


def undisturbed(said: Sequence[pb.ClientMessage]) -> dict[object, object]:
    wire = Wire()
    for message in [*said, None]:
        wire.say(message)
        wire.carry(1, 1000)
    return seen(wire.finish())


def messages(spec: str) -> list[pb.ClientMessage]:
    """What one step says, written short: hypothesis shows it."""
    match spec.split():
        case ["audio", ms]:
            return [audio(16 * int(ms), int(ms))]
        case ["ping", marker]:
            return [control("ping", marker=marker)]
        case ["paused"]:
            return [control("pause"), audio(3200), control("resume")]
        case ["type", *words]:
            return [control("commit"), *(text(word, final=False) for word in words), text("", final=True)]
        case ["targets", *langs]:
            return [control("set_target_lang", targets=[pb.Target(lang=lang) for lang in langs])]
        case [action]:
            return [control(action)]
    raise ValueError(spec)


Step = str | tuple[int, int]  # what is said; or how many messages are carried each way; "lose"
SPOKEN = st.one_of(
    st.integers(1, 600).map("audio {}".format),
    st.integers(0, 9).map("ping {}".format),
    st.sampled_from(["commit", "interrupt", "paused", "type uno", "type dos", "pause", "resume"]),
)
TURNED = st.sampled_from(["targets es", "targets ca", "targets es ca", "targets ca fr"])
CARRIED = st.tuples(st.integers(0, 9), st.integers(0, 30))


def steps(said: st.SearchStrategy[str]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.one_of(said, said, CARRIED, CARRIED, st.just("lose")), max_size=40)


def held(taken: Sequence[Step]) -> tuple[dict[object, object], list[pb.ClientMessage]]:
    """What the reader of a session of these steps saw, and what was said in it."""
    wire = Wire()
    said: list[pb.ClientMessage] = []
    for step in taken:
        if step == "lose":
            wire.lose()
        elif isinstance(step, str):
            for message in messages(step):
                wire.say(message)
                said.append(message)
        else:
            wire.carry(*step)
    wire.say(None)
    return seen(wire.finish()), said


LONG = ["audio 100"] * 23


@given(steps(SPOKEN))
@example([*LONG, (9, 5), "lose", (9, 11), "lose", (30, 40)])
def test_a_reader_cannot_tell_that_the_connection_was_lost(taken: list[Step]) -> None:
    made, said = held(taken)
    assert made == undisturbed(said)


@pytest.mark.parametrize("received", range(0, 60, 3))
def test_whichever_message_is_the_last_before_the_loss(received: int) -> None:
    made, said = held([*LONG, (23, received), "lose", (5, 9), "lose"])
    assert made == undisturbed(said)


@given(steps(st.one_of(SPOKEN, TURNED)))
def test_changes_of_targets_are_made_again_in_their_place(taken: list[Step]) -> None:
    made, said = held(taken)
    whole = undisturbed(said)
    assert {key: made.get(key) for key in ("asr", "es", "ca", "fr", ("Marker", ""))} == {
        key: whole.get(key) for key in ("asr", "es", "ca", "fr", ("Marker", ""))
    }
