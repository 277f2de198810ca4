"""Reads one track of a file, through all of its parts, as blocks on its container's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from babelmesh.client.decoding.clock import Placed, Timed, placed
from babelmesh.client.decoding.downmix import Blocks, Converter, Sound
from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.loss import Loss
from babelmesh.client.decoding.opening import Refused, decodable, opened, packets
from babelmesh.client.decoding.parts import Part
from babelmesh.client.decoding.wire import Form, Place

SILENCE_SECONDS = 1.0  # of silence that is made at a time
MICROSECONDS = 1_000_000
SHORT_SECONDS = 0.5  # an end that comes earlier than that before its time is told
START = Place()
UNTIMED = {"aac", "ac3", "amr", "dts", "eac3", "loas", "mp3", "truehd"}  # without stamps: FFmpeg counts, by one rate
EXACT = {"mov", "matroska", "wav", "flac", "aiff", "caf", "asf", "w64"}  # formats whose headers tell how long they are


class Reading:
    """The sound of one track from a place on; `findings` holds the faults found so far.

    `reached` is called with each place before it is decoded.
    """

    def __init__(self, path: Path, track: int, form: Form, reached: Callable[[Place], None]) -> None:
        self.findings = Findings()
        self._path = path
        self._track = track
        self._form = form
        self._reached = reached
        self._position = 0.0  # seconds of this part that have sounded

    def blocks(self, spans: Sequence[Part], start: Place = START) -> Iterator[bytes]:
        """Yield the blocks of a file's parts. Raises Refused where none of them has audio."""
        blocks = Blocks(self._form)
        refused: Refused | None = None
        read = start.part
        for number in range(start.part, len(spans)):
            place = start if number == start.part else Place(number)
            try:
                with opened(self._path, spans[number] if len(spans) > 1 else None) as container:
                    for sound in self._part(container, place):
                        yield from blocks.add(sound)
                read += 1
            except Refused as error:
                refused = refused or error
                self.findings.unread_parts += 1
        yield from blocks.rest()
        if refused and not read:
            raise refused

    def _part(self, container: InputContainer, start: Place) -> Iterator[Sound]:
        tracks = container.streams.audio
        stream = tracks[min(self._track, len(tracks) - 1)]
        if not decodable(stream):
            raise Refused("holds audio that FFmpeg has no decoder for.")
        stream.codec_context.thread_type = "NONE"  # what a packet gives is known before the next one is read
        converter = Converter(self._form)
        self._position = start.samples / self._form.rate
        end = (container.duration or 0) / MICROSECONDS or None
        for each in placed(self._frames(container, stream, start), self._position, end):
            self._count(each)
            if each.silence:
                yield from converter.rest()
                yield from self._silence(each.silence)
            self._position += each.silence + each.frame.samples / each.frame.sample_rate
            yield from converter.converted(each.frame)
        yield from converter.rest()
        if (short := (_length(container, stream) or 0) - self._position) > SHORT_SECONDS:
            self.findings.short_ms += round(short * 1000)

    def _frames(self, container: InputContainer, stream: AudioStream, start: Place) -> Iterator[Timed[av.AudioFrame]]:
        began = (container.start_time or 0) / MICROSECONDS
        timed = container.format.name not in UNTIMED
        loss = Loss(container, stream)
        for number, packet in enumerate(packets(container, stream)):
            if number < start.packet:
                continue
            self._reached(Place(start.part, number, round(self._position * self._form.rate)))
            for frame in loss.frames(packet):
                at = frame.time - began if timed and frame.time is not None else None
                damaged, lost = loss.taken()
                yield Timed(frame, frame.samples / frame.sample_rate, at, damaged, lost)
        damaged, lost = loss.at_end()
        if damaged:
            self.findings.damage(self._position * 1000)
            self.findings.lose(lost)

    def _count(self, each: Placed[av.AudioFrame]) -> None:
        if each.damaged:
            self.findings.damage(self._position * 1000)
            self.findings.lose(each.silence or each.lost)
        elif each.silence and self._position:
            self.findings.hole(each.silence)

    def _silence(self, seconds: float) -> Iterator[Sound]:
        left, most = round(seconds * self._form.rate), round(SILENCE_SECONDS * self._form.rate)
        while left > 0:
            yield np.zeros((self._form.channels, min(left, most)), dtype=np.float32)
            left -= most


def _length(container: InputContainer, stream: AudioStream) -> float | None:
    """Return where a track ends in seconds, by its header; None where that is not certain."""
    if container.format.name.split(",", maxsplit=1)[0] not in EXACT:
        return None
    began = (container.start_time or 0) / MICROSECONDS
    if stream.duration is not None and stream.time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - began
    if len(container.streams) == 1 and container.duration:
        return container.duration / MICROSECONDS
    return None
