"""Any file that FFmpeg reads, on the time of its container; what is damaged is skipped and told."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from babelmesh.client.audio import FORM, duration_ms, probe
from babelmesh.client.decoding.clock import Timed, placed
from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.guarded import Decoded
from babelmesh.client.decoding.hearing import audible
from babelmesh.client.decoding.opening import opened
from babelmesh.client.decoding.parts import Part, parts
from babelmesh.client.decoding.reading import Reading
from babelmesh.client.errors import AudioUnreadable
from tests.unit.babelmesh.sounds import encoded, level, tone, wav


def heard(path: Path, track: int = 0) -> tuple[bytes, Findings]:
    """All that is read of a file, in this process."""
    reading = Reading(path, track, FORM, lambda _: None)
    return b"".join(reading.blocks(parts(path))), reading.findings


def joined(path: Path, *files: Path) -> Path:
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "flac"), ("m4a", "aac")])
def test_files_that_were_joined_are_read_to_the_end_of_the_last(tmp_path: Path, suffix: str, codec: str) -> None:
    one = encoded(tmp_path / f"one.{suffix}", codec, tone(1.2))
    other = encoded(tmp_path / f"other.{suffix}", codec, tone(1.2, 880.0, 24_000), rate=24_000)
    pcm, findings = heard(joined(tmp_path / f"both.{suffix}", one, other))
    assert duration_ms(pcm) == pytest.approx(2400, abs=150)
    assert level(pcm, 0.4) == pytest.approx(1, abs=0.1)
    assert level(pcm, 1.7, hertz=880.0) == pytest.approx(1, abs=0.1)
    assert not findings.sentences()


@pytest.mark.parametrize("codec", ["mp3", "aac"])
def test_a_format_that_changes_in_the_middle_is_followed(tmp_path: Path, codec: str) -> None:
    one = encoded(tmp_path / f"one.{codec}", codec, tone(1.2))
    other = encoded(tmp_path / f"other.{codec}", codec, tone(1.2, 880.0, 24_000), rate=24_000)
    pcm, _ = heard(joined(tmp_path / f"both.{codec}", one, other))
    assert level(pcm, 0.4) == pytest.approx(1, abs=0.1)
    assert level(pcm, 1.8, hertz=880.0) == pytest.approx(1, abs=0.1)


def test_the_links_of_a_chain_are_told_from_streams_side_by_side(tmp_path: Path) -> None:
    one = encoded(tmp_path / "one.ogg", "flac", tone(0.5), tone(0.5))
    size = one.stat().st_size
    assert parts(one) == [Part(0, size)]
    assert parts(joined(tmp_path / "two.ogg", one, one)) == [Part(0, size), Part(size, 2 * size)]


def test_a_damaged_place_is_skipped_and_told(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.mka", "aac", tone(4.0))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes((byte * 7 + 13) & 255 for byte in content[middle : middle + 400])
    path.write_bytes(content)
    pcm, findings = heard(path)
    assert level(pcm, 0.5) == pytest.approx(1, abs=0.1)
    assert level(pcm, 3.4) == pytest.approx(1, abs=0.1)
    assert findings.sentences()


def test_a_file_that_was_cut_short_says_how_much_is_missing(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.flac", "flac", tone(4.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    _, findings = heard(path)
    assert 1000 <= findings.short_ms <= 1300, "a FLAC frame is 288 ms long, and the last is not whole"
    assert f"It ends {findings.short_ms / 1000:.1f} s before its header says." in findings.sentences()


def test_a_hole_in_the_clock_is_silence_as_long_as_it_is(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.mkv", "flac", tone(2.0), starts=(0.0, 4.0))
    pcm, findings = heard(path)
    assert duration_ms(pcm) == pytest.approx(5000, abs=150)
    assert level(pcm, 0.5) == pytest.approx(1, abs=0.1)
    assert level(pcm, 4.5) == pytest.approx(1, abs=0.1)
    assert level(pcm, 2.0) < 0.01
    assert findings.holes == 1
    assert findings.holes_ms == pytest.approx(3000, abs=100)


def test_audio_that_starts_after_the_rest_keeps_its_place(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.mkv", "flac", tone(1.0), tone(1.0, 880.0), starts=(0.0,))
    late = encoded(tmp_path / "late.mkv", "flac", tone(1.0), starts=(2.0,))
    assert level(heard(path, 1)[0], 0.3, hertz=880.0) == pytest.approx(1, abs=0.1)
    assert level(heard(late)[0], 0.3) == pytest.approx(1, abs=0.1), "a container's clock starts with its first sound"


def test_speech_in_opposite_phase_is_heard(tmp_path: Path) -> None:
    sound = tone(2.0)
    for name, right in (("opposite", -sound), ("alike", sound)):
        pcm, _ = heard(wav(tmp_path / f"{name}.wav", [sound, right]))
        assert level(pcm, 0.0) == pytest.approx(1, abs=0.05), name
        assert level(pcm, 1.5) == pytest.approx(1, abs=0.05), name


def test_the_first_track_that_is_not_silent_is_read_unless_one_is_named(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.mka", "flac", np.zeros(16_000, np.float32), tone(1.0), tone(1.0, 880.0))
    assert probe(path).track == 1
    assert probe(path, track=3).track == 2
    assert level(b"".join(probe(path, track=3).chunks()), 0.3, hertz=880.0) == pytest.approx(1, abs=0.1)
    with pytest.raises(AudioUnreadable, match="has 3 audio tracks, and no track 4"):
        probe(path, track=4)


def test_a_track_that_is_silent_for_hours_takes_no_more_time_than_a_packet_may(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.mka", "flac", np.zeros(16_000, np.float32), tone(1.0))
    counted: list[None] = []
    with opened(path) as container:
        assert audible(container, lambda: counted.append(None)) == 1
    assert len(counted) > 10


def test_a_name_with_a_colon_and_texts_in_another_encoding_are_no_obstacle(tmp_path: Path) -> None:
    path = wav(tmp_path / "talk: one.wav", [tone(0.5)])
    tag = b"INFOINAM\x04\x00\x00\x00\xe9\xff\xe8\x00"
    path.write_bytes(path.read_bytes() + b"LIST" + len(tag).to_bytes(4, "little") + tag)
    assert duration_ms(b"".join(probe(path).chunks())) == pytest.approx(500)


CRASHES_ONCE = """
import os, signal, sys
from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.wire import Kind, Place, Wish, record
wish, out = Wish.loaded(sys.argv[1]), sys.stdout.buffer
def write(kind, payload=b""):
    out.write(record(kind, payload)); out.flush()
if not wish.place.packet:
    write(Kind.PLACE, Place(0, 6, 3200).packed())
    write(Kind.SOUND, b"before")
    os.kill(os.getpid(), signal.SIGKILL)
write(Kind.SOUND, f"behind packet {wish.place.packet - 1}, from sample {wish.place.samples}".encode())
write(Kind.END)
"""


def test_a_decoder_that_ends_in_the_middle_costs_the_packet_that_ended_it_alone() -> None:
    decoded = Decoded("talk", 0, FORM, decoder=(sys.executable, "-c", CRASHES_ONCE))
    assert list(decoded) == [b"before", b"behind packet 6, from sample 3200"]
    assert (decoded.findings.damaged_places, decoded.findings.first_damage_ms) == (1, 200)


def test_a_decoder_that_never_gives_a_sound_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(AudioUnreadable, match="cannot be read as audio"):
        list(Decoded("talk", 0, FORM, decoder=(sys.executable, "-c", "")))


def timed(*places: float | None) -> list[tuple[str, float]]:
    frames = iter([Timed(str(number), 0.1, at) for number, at in enumerate(places)])
    return [(each.frame, round(each.silence, 3)) for each in placed(frames, 0.0, end=20.0)]


def test_one_wrong_stamp_is_no_hole_and_several_that_agree_are() -> None:
    assert timed(0.0, 9.0, 0.2, 0.3) == [("0", 0), ("1", 0), ("2", 0), ("3", 0)]
    assert timed(0.0, 9.0, 9.1, 9.2, 9.3) == [("0", 0), ("1", 8.9), ("2", 0), ("3", 0), ("4", 0)]
    assert timed(0.0, 900.0, 900.1, 900.2) == [("0", 0), ("1", 0), ("2", 0), ("3", 0)]
    assert timed(None, None, 0.15) == [("0", 0), ("1", 0), ("2", 0)]
