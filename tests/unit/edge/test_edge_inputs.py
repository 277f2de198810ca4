"""A client's messages as the gateway gets them, and the numbers that answers are given."""

from __future__ import annotations

import base64

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.realtime.hello import asked
from services.edge.realtime.inputs import Inputs, packet_ms, parsed
from services.edge.realtime.sequence import MOST_KEPT, Sequence


def audio(inputs: Inputs, data: bytes, **message: object) -> list[bytes]:
    told = {"type": "input_audio", "format": "pcm16le", "sample_rate": 16_000, "data": base64.b64encode(data).decode()}
    return [each.audio.data for each in inputs.read({**told, **message})]


def test_half_a_sample_waits_for_the_other_half() -> None:
    inputs = Inputs()
    assert audio(inputs, b"abc") == [b"ab"]
    assert audio(inputs, b"d") == [b"cd"]
    assert inputs.heard_ms == 2 / 16


def test_a_long_chunk_is_sent_on_in_pieces_with_their_places() -> None:
    pieces = list(
        Inputs().read(
            {"type": "input_audio", "format": "mulaw", "sample_rate": 8000, "data": "A" * 4400, "offset_samples": 10}
        )
    )
    assert [len(each.audio.data) for each in pieces] == [1600, 1600, 100]
    assert [each.audio.offset_samples for each in pieces] == [10, 1610, 3210]


def test_a_format_stays_as_it_was_told_first() -> None:
    inputs = Inputs("pcm16le", 16_000)
    with pytest.raises(InvalidArgument, match="agreed") as caught:
        audio(inputs, b"ab", sample_rate=8000)
    assert caught.value.code == "SAMPLE_RATE_CHANGED"


def test_a_constant_that_is_no_number_is_no_json() -> None:
    with pytest.raises(InvalidArgument):
        parsed('{"type": "input_audio", "seq": NaN}')


@pytest.mark.parametrize(
    ("packet", "length"), [(b"", 20), (b"\x08", 20), (b"\x79\0", 40), (b"\x03\x03", 30), (b"\xf8", 20)]
)
def test_an_opus_packet_tells_how_long_it_lasts(packet: bytes, length: float) -> None:
    assert packet_ms(packet) == length


def test_a_blank_text_closes_no_segment() -> None:
    inputs = Inputs()
    list(inputs.read({"type": "input_text", "text": " ", "seq": 1}))
    list(inputs.read({"type": "input_text", "text": "a ", "seq": 2, "final": False}))
    list(inputs.read({"type": "control", "action": "commit"}))
    assert list(inputs.sequence.typed) == [2]


def test_a_result_has_the_number_of_the_last_input_it_was_made_from() -> None:
    numbers = Sequence()
    for number, end_ms in ((1, 100), (2, 200), (3, 300)):
        numbers.heard(number, end_ms)
    assert [numbers.of_audio(end) for end in (0, 100, 150, 300, 999)] == [1, 1, 2, 3, 3]
    assert numbers.done(200) == 2
    assert numbers.of_audio(250) == 3


def test_repeats_have_no_number_and_inputs_without_one_count_on() -> None:
    numbers = Sequence()
    assert [numbers.next(given) for given in (5, 5, 3, None, 6, 9)] == [5, None, None, 6, None, 9]


def test_the_numbers_that_are_kept_are_bounded() -> None:
    numbers = Sequence()
    for number in range(2 * MOST_KEPT):
        numbers.heard(number, number)
        numbers.closed(number)
    assert len(numbers.audio) == len(numbers.typed) == MOST_KEPT


def test_what_a_client_knows_of_servers_that_ended_is_passed_on() -> None:
    message = {"type": "hello", "session": {"source_lang": "en"}, "resume_handle": "h", "deaths": 2, "lost_server": "a"}
    config = asked(message, "es", pb.DescribeResponse()).config
    assert (config.resume_handle, config.deaths, config.lost_server) == ("h", 2, "a")
