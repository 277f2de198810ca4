"""The process that reads one file for a client: `python -m babelmesh.client.decoding WISH`, records on stdout.

Whatever a damaged file does to a decoder, it does it here. A packet that takes the processor for CPU_SECONDS ends the
process, as a crash would.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.hearing import audible
from babelmesh.client.decoding.opening import Refused, opened
from babelmesh.client.decoding.parts import Part, parts
from babelmesh.client.decoding.reading import Reading
from babelmesh.client.decoding.wire import Form, Kind, Look, Place, Wish, record

CPU_SECONDS = 20.0  # hundreds of times what the longest packet takes
LOOKED_AT = Form(16_000, 1, floats=False, block_samples=160)


class Answer:
    """Writes records for the client to a stream."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._told = Findings().dumped()

    def write(self, kind: Kind, payload: bytes = b"") -> None:
        """Write a record, and restart the count of processor time."""
        self._out.write(record(kind, payload))
        self._out.flush()
        count_anew()

    def tell(self, findings: Findings) -> None:
        """Write the findings, if they have changed."""
        if (payload := findings.dumped()) != self._told:
            self._told = payload
            self.write(Kind.FINDINGS, payload)


def main() -> None:
    """Read or probe the file that the first argument asks for."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold what was said
    count_anew()
    wish = Wish.loaded(sys.argv[1])
    answer = Answer(sys.stdout.buffer)
    try:
        spans = _parts(Path(wish.path))
        if wish.form is None:
            answer.write(Kind.LOOK, look(wish, spans).dumped())
        else:
            read(wish, wish.form, spans, answer)
        answer.write(Kind.END)
    except Refused as refused:
        answer.write(Kind.REFUSAL, f"{wish.path} {refused}".encode(errors="surrogateescape"))
    except BrokenPipeError:
        os._exit(0)  # the client wants no more


def count_anew() -> None:
    """Restart the limit of processor time for the next packet."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def _parts(path: Path) -> list[Part]:
    try:
        if path.is_file() and not path.stat().st_size:
            raise Refused("is empty.")
        return parts(path)
    except OSError as error:
        raise Refused(f"cannot be read as audio: {error.strerror}.") from error


def read(wish: Wish, form: Form, spans: list[Part], answer: Answer) -> None:
    """Write the sound of a file from a place on. Raises Refused."""

    def reached(place: Place) -> None:
        answer.tell(reading.findings)
        answer.write(Kind.PLACE, place.packed())

    reading = Reading(Path(wish.path), wish.track or 0, form, reached)
    for block in reading.blocks(spans, wish.place):
        answer.write(Kind.SOUND, block)
    answer.tell(reading.findings)


def look(wish: Wish, spans: list[Part]) -> Look:
    """Probe a file. Raises Refused when it has no audio, or not the track that is wished for."""
    path = Path(wish.path)
    refused = Refused("has no audio stream.")
    for span in spans:
        try:
            with opened(path, span if len(spans) > 1 else None) as container:
                tracks, duration_ms = len(container.streams.audio), (container.duration or 0) / 1000
                if wish.track is not None and wish.track >= tracks:
                    has = "1 audio track" if tracks == 1 else f"{tracks} audio tracks"
                    raise Refused(f"has {has}, and no track {wish.track + 1}.")
                track = audible(container, count_anew) if wish.track is None else wish.track
        except Refused as error:
            refused = error if span == spans[0] else refused
            continue
        if not next(Reading(path, track, LOOKED_AT, lambda _: None).blocks(spans), b""):
            raise Refused("holds no audio: its audio stream is empty.")
        return Look(tracks, track, duration_ms)
    raise refused


if __name__ == "__main__":
    main()
