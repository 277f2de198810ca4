"""What rooms keep of speakers that are gone."""

from __future__ import annotations

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.rooms.record import Record, Segment, beyond


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
