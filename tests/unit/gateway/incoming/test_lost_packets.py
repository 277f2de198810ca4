"""A hole in a client's audio is filled without a click and told; the sound goes on as if nothing had been lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import numpy as np
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import InvalidArgument, StageFailed
from services.gateway.incoming.decoding import Concealing, decoder
from services.gateway.incoming.ingress import AudioStart, Controls, Ingress
from services.gateway.incoming.microphone import MOST_CORRUPT
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio, MissingAudio
from services.gateway.values.terms import Sound
from tests.unit.gateway.incoming.lossy import heard, loudness, microphone, opus_packets, pcm_packets, steepest, voice

CORRUPT = b"\xff" * 7
SMOOTH = 1.6 * steepest(voice(1, ASR_RATE))


def assert_same(pcm: Pcm, other: Pcm) -> None:
    """But for the dither of the resampler."""
    assert len(pcm) == len(other)
    assert np.abs(pcm.astype(np.int32) - other).max() <= 2


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_lost_packet_of_pcm_is_filled_without_a_click_and_told(rate: int) -> None:
    packets = pcm_packets(1, rate)
    del packets[20]
    pcm, (gap,) = heard(microphone("pcm16le", rate), packets)
    assert (gap.from_samples, gap.to_samples, gap.filled) == (6400, 6720, True)
    assert abs(len(pcm) - ASR_RATE) <= 16
    assert steepest(pcm) < SMOOTH
    assert loudness(pcm[6400:6720]) > 500, "the voice is not cut out"


def test_a_lost_packet_of_opus_is_made_up_by_its_decoder() -> None:
    whole, _ = heard(microphone("opus", 48_000), opus_packets(1))
    packets = opus_packets(1)
    del packets[20]
    pcm, (gap,) = heard(microphone("opus", 48_000), packets)
    assert (gap.from_samples, gap.to_samples, gap.filled) == (6400, 6720, True)
    assert len(pcm) == len(whole)
    assert steepest(pcm) < SMOOTH
    assert loudness(pcm[6400:6720]) > 0.7 * loudness(whole[6400:6720])


@pytest.mark.parametrize("packets", [pcm_packets(2), opus_packets(2, 16_000)], ids=["pcm", "opus"])
def test_a_tenth_of_all_packets_may_be_lost(packets: list[pb.AudioChunk]) -> None:
    sound = "pcm16le" if len(packets[0].data) == 640 else "opus"
    lost = set(range(5, 95, 10))
    kept = [packet for number, packet in enumerate(packets) if number not in lost]
    pcm, gaps = heard(microphone(sound, 16_000), kept)
    assert [gap.from_samples // 320 for gap in gaps] == sorted(lost)
    assert abs(len(pcm) - 2 * ASR_RATE) <= 16


def test_a_hole_of_seconds_costs_no_more_than_what_is_heard_of_it() -> None:
    decoded = decoder("opus", 48_000, 48_000)
    for packet in opus_packets(0.5):
        decoded.decode(packet.data)
    assert isinstance(decoded, Concealing)
    made_up = decoded.conceal(5 * 48_000)
    assert len(made_up) == 5 * 48_000
    assert made_up[:4_800].any()
    assert not made_up[48_000:].any(), "the voice has faded to noise long before"
    assert steepest(made_up[40_000:]) < 2 * steepest(made_up[30_000:40_000])


def test_a_single_missing_sample_is_not_worth_a_word() -> None:
    packets = pcm_packets(1)
    packets[10].data = packets[10].data[:-2]
    pcm, gaps = heard(microphone("pcm16le", ASR_RATE), packets)
    assert gaps == []
    assert abs(len(pcm) - ASR_RATE) <= 1


@pytest.mark.parametrize("packets", [pcm_packets(1), opus_packets(1, 16_000)], ids=["pcm", "opus"])
def test_packets_that_changed_places_sound_as_if_they_had_not(packets: list[pb.AudioChunk]) -> None:
    sound = "pcm16le" if len(packets[0].data) == 640 else "opus"
    whole, _ = heard(microphone(sound, ASR_RATE), packets)
    mixed = [*packets[:10], *packets[11:15], packets[10], packets[16], packets[15], *packets[17:]]
    pcm, gaps = heard(microphone(sound, ASR_RATE), mixed)
    assert gaps == []
    assert_same(pcm, whole)


def test_a_long_hole_ends_the_sound_and_begins_the_next_without_a_click() -> None:
    source, packets = microphone("pcm16le", 48_000), pcm_packets(2, 48_000)
    pieces = [piece for packet in [*packets[:33], *packets[66:]] for piece in source.hear(packet)]
    (place,) = [at for at, piece in enumerate(pieces) if isinstance(piece, MissingAudio)]
    before, gap, after = pieces[place - 1 : place + 2]
    assert gap == MissingAudio(33 * 320, 66 * 320)
    assert isinstance(before, Audio)
    assert isinstance(after, Audio)
    assert after.offset_samples == 66 * 320
    assert abs(int(before.pcm[-1])) < 100
    assert abs(int(after.pcm[0])) < 100


def test_what_waits_for_a_lost_packet_is_given_out_at_a_command() -> None:
    source, packets = microphone("pcm16le", ASR_RATE), pcm_packets(1)
    source.hear(packets[0])
    assert source.hear(packets[2]) == []
    gap, audio = source.settle()
    assert gap == MissingAudio(320, 640, filled=True)
    assert isinstance(audio, Audio)
    assert audio.end_samples == 960


def test_a_corrupt_packet_of_opus_is_left_out_and_told() -> None:
    packets = opus_packets(1)
    packets[20].data = CORRUPT
    pcm, (gap,) = heard(microphone("opus", 48_000), packets)
    assert gap == MissingAudio(6400, 6720, filled=True, corrupt=True)
    assert len(pcm) == len(heard(microphone("opus", 48_000), opus_packets(1))[0])


def test_many_corrupt_packets_in_a_row_end_the_session_so_that_it_can_be_resumed() -> None:
    source = microphone("opus", 48_000)
    source.hear(pb.AudioChunk(data=opus_packets(1)[0].data))
    for _ in range(MOST_CORRUPT - 1):
        source.hear(pb.AudioChunk(data=CORRUPT))
    with pytest.raises(StageFailed) as fault:
        source.hear(pb.AudioChunk(data=CORRUPT))
    assert fault.value.code == "CORRUPT_AUDIO"
    assert fault.value.retry_after_ms


def test_bytes_that_were_never_audio_are_refused_by_name() -> None:
    source = microphone("opus", 48_000)
    source.hear(pb.AudioChunk(data=CORRUPT))
    with pytest.raises(InvalidArgument) as refused:
        source.rest()
    assert (refused.value.code, refused.value.field) == ("UNDECODABLE_AUDIO", "audio.data")


@pytest.mark.parametrize("with_offsets", [True, False])
def test_an_empty_packet_of_opus_is_a_frame_of_silence(with_offsets: bool) -> None:
    packets = opus_packets(1)
    for packet in packets[20:30]:
        packet.data = b""
    if not with_offsets:
        for packet in packets:
            packet.ClearField("offset_samples")
    pcm, gaps = heard(microphone("opus", 48_000), packets)
    assert gaps == []
    assert len(pcm) == len(heard(microphone("opus", 48_000), opus_packets(1))[0])
    assert loudness(pcm[21 * 320 : 29 * 320]) < 1


def test_a_client_that_does_not_count_empty_packets_loses_nothing() -> None:
    packets = opus_packets(1)
    empty = pb.AudioChunk(offset_samples=packets[20].offset_samples)
    whole, _ = heard(microphone("opus", 48_000), packets)
    pcm, gaps = heard(microphone("opus", 48_000), [*packets[:20], empty, *packets[20:]])
    assert gaps == []
    assert_same(pcm, whole)


async def test_a_packet_that_waits_for_a_lost_one_in_a_pause_is_not_listened_to_afterwards() -> None:
    first, _, paused, *_, later = pcm_packets(1)

    async def sent() -> AsyncIterator[pb.ClientMessage]:
        yield pb.ClientMessage(audio=first)
        yield pb.ClientMessage(control=pb.Control(action="pause"))
        yield pb.ClientMessage(audio=paused)
        yield pb.ClientMessage(control=pb.Control(action="resume"))
        yield pb.ClientMessage(audio=later)

    ingress = Ingress(AudioStart(Sound("pcm16le", ASR_RATE)), GatewaySettings(), cast(Controls, None))
    said = [each async for each in ingress.inputs(sent())]
    assert [each.offset_samples for each in said if isinstance(each, Audio)] == [0, later.offset_samples]
