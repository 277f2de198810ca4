"""A FLAC stream is cut into its frames, whatever they hold, with the work of one pass, whatever pieces it comes in."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from services.gateway.incoming import flac
from services.gateway.incoming.flac_header import crc16
from tests.flac_streams import MAGIC, Form, block, frame, frames, header, metadata, noise, silence, stream
from tests.steps import steps

BLOCKS = [noise(400, seed) for seed in range(6)]
WHOLE = frames(BLOCKS)


def pieces(data: bytes, size: int = 1000) -> list[flac.Piece]:
    """What a stream is cut into that comes in chunks of so many bytes, and then ends."""
    cutter = flac.Stream()
    found = [piece for at in range(0, len(data), size) for piece in cutter.cut(data[at : at + size])]
    return found + cutter.flush()


def framed(data: bytes, size: int = 1000) -> list[bytes]:
    """The frames of a stream in which nothing is amiss."""
    info, *found = pieces(data, size)
    assert isinstance(info, flac.StreamInfo)
    assert all(isinstance(piece, flac.Frame) for piece in found)
    return [piece.data for piece in found if isinstance(piece, flac.Frame)]


@pytest.mark.parametrize("size", [1, 3, 47, 1000, 10**6])
def test_frames_are_found_however_the_stream_comes(size: int) -> None:
    assert (
        framed(metadata(Form(), block(4, bytes(100)), block(3, b""), block(1, bytes(7))) + b"".join(WHOLE), size)
        == WHOLE
    )


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("number", [1, 2, 77])
def test_a_header_that_occurs_by_chance_inside_a_frame_ends_nothing(size: int, number: int) -> None:
    blocks = [
        np.concatenate([noise(100), np.frombuffer(header(number, 400), dtype=">i2"), noise(200)]) for _ in range(4)
    ]
    assert framed(stream(blocks), size) == frames(blocks)


@pytest.mark.parametrize("magic", [MAGIC, b"ID3"])
def test_the_names_of_other_things_occur_inside_frames_too(magic: bytes) -> None:
    blocks = [np.concatenate([noise(100), np.frombuffer(magic.ljust(4), dtype=">i2"), noise(200)]) for _ in range(4)]
    assert framed(stream(blocks)) == frames(blocks)


def test_blocks_of_different_sizes_are_numbered_by_their_samples() -> None:
    blocks = [noise(size, size) for size in (192, 4608, 16, 65_535, 1000, 192)]
    form = Form(variable=True)
    assert framed(stream(blocks, form)) == frames(blocks, form)


def test_a_stream_may_be_joined_late() -> None:
    assert framed(stream(BLOCKS, first_number=70_000)) == frames(BLOCKS, first_number=70_000)


def test_frames_of_a_few_bytes_are_found_to_the_last() -> None:
    short = [silence(4096, number) for number in range(9)]
    assert all(len(each) < 16 for each in short)
    assert framed(metadata() + b"".join(short)) == short


def test_a_frame_may_be_longer_than_what_else_comes_without_one() -> None:
    form = Form(channels=3)
    blocks = [noise(65_535, seed) for seed in range(3)]
    assert len(frames(blocks, form)[0]) > flac.PATIENCE_BYTES
    assert framed(stream(blocks, form), 100_000) == frames(blocks, form)


@pytest.mark.parametrize("size", [7, 100_000])
@pytest.mark.parametrize("footer", [False, True])
def test_a_tag_before_the_stream_is_skipped(size: int, footer: bool) -> None:
    body = MAGIC + bytes(300)  # 304 is 2 * 128 + 48
    tag = b"ID3\x04\0" + (b"\x10" if footer else b"\0") + bytes([0, 0, 2, 48]) + body + (bytes(10) if footer else b"")
    assert framed(tag + stream(BLOCKS), size) == WHOLE
    assert framed(tag + tag + stream(BLOCKS), size) == WHOLE


def test_metadata_of_any_length_is_skipped_and_not_kept() -> None:
    cutter = flac.Stream()
    cutter.cut(metadata(Form(), (b"\x06" + (2**24 - 1).to_bytes(3, "big"))))
    chunk = bytes(250_000)
    tracemalloc.start()
    for _ in range(67):
        assert cutter.cut(chunk) == []
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000
    found = cutter.cut(bytes(2**24 - 1 - 67 * len(chunk)) + b"".join(WHOLE)) + cutter.flush()
    assert found[1:] == [flac.Frame(each) for each in WHOLE]


def test_one_stream_may_follow_another() -> None:
    other = Form(rate=8_000)
    found = pieces(stream(BLOCKS) + stream(BLOCKS, other))
    first, second = flac.StreamInfo(metadata()[8:]), flac.StreamInfo(metadata(other)[8:])
    assert found == [first, *map(flac.Frame, WHOLE), second, *map(flac.Frame, WHOLE)]


def test_a_stream_that_is_cut_off_ends_in_what_is_left_of_its_frame() -> None:
    *whole, last = pieces(stream(BLOCKS)[:-1])
    assert whole[1:] == [flac.Frame(each) for each in WHOLE[:-1]]
    assert last == flac.LastFrame(WHOLE[-1][:-1], 400)


def test_a_damaged_frame_is_given_up_for_the_next_and_its_length_is_known() -> None:
    harmed = bytearray(WHOLE[2])
    harmed[200] ^= 1
    found = pieces(metadata() + b"".join([*WHOLE[:2], bytes(harmed), *WHOLE[3:]]))
    assert found[1:] == [*map(flac.Frame, WHOLE[:2]), flac.Damaged(400), *map(flac.Frame, WHOLE[3:])]


def test_frames_that_are_lost_together_with_their_headers_are_counted_by_the_numbers() -> None:
    data = metadata() + WHOLE[0] + WHOLE[1][:300] + bytes(500) + WHOLE[4] + WHOLE[5]
    assert pieces(data)[1:] == [flac.Frame(WHOLE[0]), flac.Damaged(1200), *map(flac.Frame, WHOLE[4:])]


def test_a_stream_that_starts_with_damage_is_heard_from_its_first_whole_frame() -> None:
    data = metadata() + WHOLE[0][20:] + b"".join(WHOLE[1:])
    assert pieces(data)[1:] == [flac.Damaged(400), *map(flac.Frame, WHOLE[1:])]


@pytest.mark.parametrize(
    "data",
    [
        b"OggS" + bytes(100),
        b"RIFF" + bytes(100),
        b"fLa_",
        MAGIC + block(4, bytes(34)),
        MAGIC + block(0, bytes(33)) + bytes(1),
        metadata(Form(), block(127, b"")),
        metadata() + bytes(flac.PATIENCE_BYTES + 1),
    ],
)
def test_what_is_no_flac_is_known_as_soon_as_it_can_be(data: bytes) -> None:
    with pytest.raises(flac.NotFlac):
        flac.Stream().cut(data)


def test_a_stream_without_any_frame_is_known_at_its_end() -> None:
    with pytest.raises(flac.NotFlac):
        pieces(metadata() + bytes(200))


def test_metadata_of_twice_the_length_is_twice_the_work_byte_by_byte() -> None:
    def read(blocks: int) -> None:
        cutter = flac.Metadata()
        for octet in metadata(Form(), *[block(4, bytes(4))] * blocks):
            cutter.cut(bytes([octet]))

    assert steps(lambda: read(400)) < 2.2 * steps(lambda: read(200))


def test_bytes_that_are_no_frame_are_looked_at_once() -> None:
    def search(size: int) -> None:
        cutter = flac.Frames()
        for _ in range(size):
            cutter.cut(b"\xff\x00\x00")

    assert steps(lambda: search(2000)) < 2.2 * steps(lambda: search(1000))


@pytest.mark.parametrize("numbers", [[1], [1, 2, 3, 4, 5], range(1, 2000)])
def test_headers_without_frames_are_checked_with_the_work_of_some_passes(numbers: list[int]) -> None:
    def search(size: int) -> None:
        cutter = flac.Frames()
        cutter.cut(header(0, 400))
        for at in range(size):
            cutter.cut(header(numbers[at % len(numbers)], 400) + bytes(20))

    assert steps(lambda: search(1600)) < 2.2 * steps(lambda: search(800))


def test_checksums_are_those_of_the_format_in_one_piece_or_in_several() -> None:
    data = noise(5000).tobytes()
    assert crc16(b"123456789") == 0xFEE8  # of this polynomial, in published tables
    for cut in (0, 1, 127, 128, 129, 4000, len(data)):
        assert crc16(data[cut:], crc16(data[:cut])) == crc16(data)


def test_a_frame_ends_in_its_own_checksum() -> None:
    assert crc16(frame(noise(100), 3)) == 0
