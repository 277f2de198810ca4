"""What is sent again, and from where."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from babelmesh.client.offsets import AudioClock, opus_samples
from babelmesh.client.received import Covered
from babelmesh.client.replay import MOST_SECONDS, ReplayLog
from babelmesh.client.silence import MISSED, Patience, Silence
from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.test_resuming import HELLO, audio, control, text

SECOND = 16_000


def _log(*said: pb.ClientMessage) -> ReplayLog:
    log = ReplayLog(HELLO)
    for message in said:
        log.add(message)
    return log


def _again(log: ReplayLog) -> list[str]:
    """What would be sent now: offsets of audio in milliseconds, text, actions."""
    sent, number = [], -2
    while (entry := log.after(number)) is not None:
        number = entry.number
        match entry.kind:
            case "audio":
                sent.append(str((entry.message or pb.ClientMessage()).audio.offset_samples // 16))
            case "text":
                sent.append((entry.message or pb.ClientMessage()).text.text)
            case kind:
                sent.append(kind)
    return sent


def test_audio_is_kept_until_it_is_in_a_final_transcript_or_acknowledged() -> None:
    log = _log(*[audio(SECOND // 10) for _ in range(5)])
    log.concluded(Covered(audio_ms=250), 250)
    assert _again(log) == ["200", "300", "400"]
    log.acknowledged(300, written=5)
    assert _again(log) == ["300", "400"]
    log.rewind(450)
    assert _again(log) == ["400"]


def test_audio_beyond_two_minutes_is_let_go_and_its_place_is_kept() -> None:
    log = _log(*[audio(SECOND) for _ in range(MOST_SECONDS + 3)])
    assert _again(log)[0] == "3000"


def test_typed_text_is_kept_until_its_segments_final_transcript() -> None:
    log = _log(text("one ", False), text("two"), text("  "), text("three", False), control("commit"), text("four"))
    log.concluded(Covered(typed=1), 0)
    assert _again(log) == ["  ", "three", "commit", "four"]
    log.concluded(Covered(typed=2), 0)
    assert _again(log) == ["commit", "four"]


def test_what_was_set_goes_into_the_hello_once_it_is_acknowledged() -> None:
    wanted = control("set_target_lang", targets=[pb.Target(lang="fr")])
    glossary = control("set_dictionary", glossary=pb.Glossary(name="sea"))
    log = _log(audio(SECOND), wanted, glossary, control("pause"), audio(SECOND))
    log.acknowledged(1000, written=5)
    assert _again(log) == ["set_target_lang", "set_dictionary", "pause", "1000"]
    log.acknowledged(1100, written=5)
    assert _again(log) == ["1000"]
    assert ([target.lang for target in log.hello.targets], log.hello.glossary.name) == (["fr"], "sea")
    log.rewind(1100)
    assert _again(log) == ["pause", "1000"]


def test_a_refused_glossary_is_never_set() -> None:
    log = _log(control("set_dictionary", glossary=pb.Glossary(name="bad")), audio(SECOND))
    log.refused("set_dictionary")
    log.acknowledged(500, written=2)
    assert not log.hello.HasField("glossary")


def test_targets_that_were_refused_are_never_set() -> None:
    log = _log(control("set_target_lang", targets=[pb.Target(lang="tlh")]), audio(SECOND))
    log.refused("set_target_lang")
    log.acknowledged(500, written=2)
    assert _again(log) == ["0"]
    assert [target.lang for target in log.hello.targets] == ["es", "ca"]


def test_a_ping_is_sent_again_until_it_is_answered() -> None:
    log = _log(control("ping", marker="a"), control("ping", marker="b"), control("ping", marker="a"))
    log.answered("a")
    assert _again(log) == ["ping", "ping"]
    log.answered("c")
    assert _again(log) == ["ping", "ping"]


def test_an_interruption_is_over_once_something_sent_behind_it_was_heard() -> None:
    log = _log(audio(SECOND), control("interrupt"), audio(SECOND))
    log.concluded(Covered(), heard_ms=1000)
    assert _again(log) == ["0", "interrupt", "1000"]
    log.concluded(Covered(), heard_ms=1001)
    assert _again(log) == ["0", "1000"]


@pytest.mark.parametrize(
    ("sound", "rate", "chunks", "offsets"),
    [
        ("pcm16le", 16_000, [bytes(320), bytes(320)], [0, 160]),
        ("", 16_000, [bytes(320), bytes(320)], [0, 160]),
        ("mulaw", 8_000, [bytes(80), bytes(80)], [0, 80]),
        ("opus", 16_000, [b"\x78\x00", b"\x78\x00"], [0, 320]),  # CELT, 20 ms
        ("opus", 16_000, [b"\x78\x00", b"", b"\x78\x00"], [0, 320, 640]),  # an empty one is a frame of silence
        ("opus", 16_000, [b"\x60\x00", b"\xff" * 7, b"\x60"], [0, 160, 320]),  # a corrupt one of 1.26 s
        ("flac", 16_000, [b"fLaC"], [None]),
    ],
)
def test_chunks_are_numbered_where_their_bytes_tell_their_length(
    sound: str, rate: int, chunks: list[bytes], offsets: list[Any]
) -> None:
    clock = AudioClock(pb.AudioFormat(format=sound, sample_rate=rate))
    made = [pb.AudioChunk(data=data) for data in chunks]
    for chunk in made:
        clock.place(chunk)
    assert [chunk.offset_samples if chunk.HasField("offset_samples") else None for chunk in made] == offsets


def test_a_chunk_that_says_where_it_lies_moves_the_clock_on() -> None:
    clock = AudioClock(HELLO.input)
    clock.place(pb.AudioChunk(data=bytes(320), offset_samples=1000))
    clock.place(pb.AudioChunk(data=bytes(320), offset_samples=0))  # a repeat
    assert clock.now_samples == 1160


@pytest.mark.parametrize(
    ("packet", "samples"),
    [(b"", 0), (b"\x08", 960), (b"\x60", 480), (b"\xfb\x02", 1920), (b"\xf9", 1920), (b"\x03", 0)],
)
def test_an_opus_packet_tells_its_length(packet: bytes, samples: int) -> None:
    assert opus_samples(packet) == samples


def test_silence_is_counted_in_heartbeats_of_a_loop_that_runs() -> None:
    silence = Silence(0.5)
    assert [silence.ticked(0.01) for _ in range(MISSED)] == [False] * (MISSED - 1) + [True]
    silence.heard()
    assert [silence.ticked(late) for late in (0.01, 0.01, 2.0, 0.01, 0.01)] == [False] * 5, "the stall was our own"


def test_patience_is_for_losses_without_progress_between_them() -> None:
    patience = Patience(60)
    assert patience.lost(100) == 60
    assert patience.pause_seconds() == 0
    patience.resumed(101)
    assert patience.lost(105) == 55
    assert 0 < patience.pause_seconds() < 2
    patience.resumed(106)
    patience.advanced()
    assert patience.lost(107) == 60


async def test_a_packet_of_real_opus_is_as_long_as_its_first_bytes_say() -> None:
    def encoded() -> list[tuple[bytes, int]]:
        import av  # noqa: PLC0415  # heavy
        import numpy as np  # noqa: PLC0415  # likewise

        encoder = av.CodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        return [(bytes(packet), packet.duration or 0) for packet in encoder.encode(frame)]

    for data, duration in await asyncio.to_thread(encoded):
        assert opus_samples(data) == duration == 960
