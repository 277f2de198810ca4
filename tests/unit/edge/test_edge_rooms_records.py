"""What rooms keep of speakers that are gone, and of those that are said to be."""

from __future__ import annotations

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.rooms.record import Record, Segment, beyond
from services.edge.rooms.room import Room
from services.edge.rooms.speaker import Offer, Speaker
from services.edge.rooms.speaking import Speaking
from services.edge.rooms.unfinished import Unfinished
from services.edge.settings import EdgeSettings


def record(name: str, state: mesh.SpeakerState.ValueType, version: int, segments: int = 0) -> Record:
    found = Record(name, 10)
    found.state.state, found.state.version = state, version
    found.segments = {number: Segment(pb.AsrResult()) for number in range(segments)}
    return found


def test_of_speakers_that_are_gone_the_silent_are_forgotten_first_and_the_longest_gone() -> None:
    silent = [record(f"s{number}", mesh.SPEAKER_STATE_LEFT, 100 - number) for number in range(25)]
    there = [record("there", mesh.SPEAKER_STATE_PRESENT, 1), record("opening", mesh.SPEAKER_STATE_UNSPECIFIED, 0)]
    spoke = [record("spoke", mesh.SPEAKER_STATE_LOST, 2, segments=1)]
    assert [each.speaker for each in beyond([*there, *spoke, *silent])] == ["s24", "s23", "s22", "s21", "s20"]
    many = [record(f"m{number}", mesh.SPEAKER_STATE_LEFT, number + 1, segments=1) for number in range(1002)]
    assert [each.speaker for each in beyond([*there, *many])] == ["m0", "m1"]


def test_a_speaker_that_went_on_here_is_not_lost_because_another_edge_misses_it_later() -> None:
    room = Room(EdgeSettings(gateway="127.0.0.1:1"), "0" * 12)
    speaking = Speaking(lambda: None, pb.SessionConfig(), Unfinished(None))  # type: ignore[arg-type, return-value]  # none is begun
    speaker = Speaker(room.record("a" * 12), speaking, room, Offer((), frozenset(), frozenset(), 1))
    speaker.opened(pb.Ready(session_id="s"))
    missed = mesh.Speaker(state=mesh.SPEAKER_STATE_LOST, session_id="s", edge="1" * 12, version=1 << 50)
    room.heard(mesh.Post(edge="1" * 12, speaker=speaker.id, state=missed))
    assert "'state': 'present'" in str(room.state()["speakers"])
    assert room.speakers == {speaker.id: speaker}
