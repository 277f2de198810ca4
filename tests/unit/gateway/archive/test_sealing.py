"""What is sealed opens with its key and under its name alone, and tells where it was cut or changed."""

from __future__ import annotations

import pytest

from services.gateway.archive.sealing import LENGTH_BYTES, MAGIC, Sealer, State, new_key, unsealed

PART = "tenant/session/00-part"
RECORDS = [b"one", b"two, which is longer", b"", b"four"]


def pieces(key: bytes) -> list[bytes]:
    sealer = Sealer(key, PART)
    return [sealer.seal(record, last=record is RECORDS[-1]) for record in RECORDS]


def test_records_come_back_in_order() -> None:
    key = new_key()
    assert unsealed(key, PART, b"".join(pieces(key))).records == tuple(RECORDS)
    assert unsealed(key, PART, b"".join(pieces(key))).state is State.WHOLE


def test_nothing_of_a_record_is_readable_without_the_key() -> None:
    stored = b"".join(pieces(new_key()))
    assert not [record for record in RECORDS if record and record in stored]


@pytest.mark.parametrize("cut", range(1, 120))
def test_a_part_that_was_cut_off_anywhere_is_readable_to_its_last_whole_record(cut: int) -> None:
    key = new_key()
    made = pieces(key)
    stored = b"".join(made)[:-cut]
    whole = 0
    while len(b"".join(made[: whole + 1])) <= len(stored):
        whole += 1
    opened = unsealed(key, PART, stored)
    assert opened.records == tuple(RECORDS[:whole])
    assert opened.state is State.OPEN


@pytest.mark.parametrize("place", range(len(MAGIC) + LENGTH_BYTES, 100, 7))
def test_a_byte_that_was_changed_is_seen(place: int) -> None:
    key = new_key()
    stored = bytearray(b"".join(pieces(key)))
    stored[place] ^= 1
    assert unsealed(key, PART, bytes(stored)).state is not State.WHOLE


def test_records_that_were_moved_left_out_or_put_in_are_seen() -> None:
    key = new_key()
    one, two, three, four = pieces(key)
    for stored in (one + three + two + four, one + three + four, one + two + two + three + four, one + four):
        opened = unsealed(key, PART, stored)
        assert opened.state is State.ALTERED
        assert opened.records == tuple(RECORDS[: len(opened.records)])
    assert unsealed(key, PART, one + two + three + four + four).state is State.ALTERED


def test_another_name_or_key_opens_nothing() -> None:
    key = new_key()
    stored = b"".join(pieces(key))
    assert unsealed(key, f"{PART}2", stored).records == ()
    assert unsealed(new_key(), PART, stored).state is State.ALTERED
