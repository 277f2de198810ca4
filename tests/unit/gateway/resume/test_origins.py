"""Whether a segment was spoken or typed is said by whoever tells of it, and never guessed from its place."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.gateway.outgoing import messages
from services.gateway.resume.received import continued
from services.gateway.values.continuation import Bond, Continuation, Position
from services.gateway.values.speech import Caption, Transcript
from services.gateway.values.terms import Uses

EARLIER = 60_000  # milliseconds since the session began


def resumed(*results: pb.AsrResult) -> Continuation:
    segments = [pb.ReceivedSegment(transcript=each) for each in results]
    hello = pb.SessionConfig(partial_results=True, received=pb.Received(session_id="s", segments=segments))
    return continued(Bond("s", 1, "", ""), Position(), hello, EARLIER)


@pytest.mark.parametrize(("typed", "origin"), [(True, pb.ORIGIN_TYPED), (False, pb.ORIGIN_SPOKEN)])
def test_results_say_whether_their_segment_was_typed(typed: bool, origin: pb.Origin.ValueType) -> None:
    said = Transcript(1, 1, True, "hello", 5, 100, 100, typed=typed)
    assert messages.transcript(said).asr.origin == origin
    told = messages.translation(said, Caption("hola", 4, final=True), "es", 1, Uses())
    assert told.translation.origin == origin


def test_speech_that_took_no_time_goes_on_as_speech() -> None:
    result = pb.AsrResult(segment_id=1, revision=1, text="hm", start_ms=500, end_ms=500, origin=pb.ORIGIN_SPOKEN)
    goes_on = resumed(result)
    assert goes_on.spoken_segment_id == 1
    assert goes_on.open_typed is None


def test_a_segment_of_which_speech_alone_came_is_told_by_its_origin() -> None:
    typed = resumed(pb.AsrResult(segment_id=1, origin=pb.ORIGIN_TYPED))
    assert typed.open_typed is not None
    assert not typed.unnamed_segment_id
    spoken = resumed(pb.AsrResult(segment_id=1, origin=pb.ORIGIN_SPOKEN))
    assert (spoken.spoken_segment_id, spoken.unnamed_segment_id) == (1, 0)


@pytest.mark.parametrize("final", [True, False])
def test_a_result_that_does_not_say_its_origin_is_refused_by_name(final: bool) -> None:
    with pytest.raises(InvalidArgument) as refused:
        resumed(pb.AsrResult(segment_id=1, revision=1, text="hello", final=final))
    assert refused.value.field == "hello.received.segments[0].transcript.origin"
    assert refused.value.accepted == ["ORIGIN_SPOKEN", "ORIGIN_TYPED"]
