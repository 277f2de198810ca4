"""Opens files as FFmpeg's containers, and reads their packets over damaged places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from babelmesh.client.decoding.parts import Part, Window

# Texts in a file may be in any encoding. PyAV before 19 raises UnicodeDecodeError for them unless it is told otherwise;
# from then on it escapes them, and cannot be told.
_TEXTS: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}
MOST_FAILURES = 100  # of the demuxer, one after the other, until it is believed that nothing follows


class Refused(Exception):
    """A file, or a part of one, without usable audio; str() gives the reason, as the end of a sentence about it."""


@contextmanager
def opened(path: Path, part: Part | None = None) -> Iterator[InputContainer]:
    """Open a file, or a part of it, with at least one audio track. Raises Refused."""
    try:
        with _opened(path, part) as container:
            if not container.streams.audio:
                raise Refused("has no audio stream.")
            yield container
    except av.FFmpegError as error:
        raise Refused(f"cannot be read as audio: {error.strerror}.") from error
    except OSError as error:
        raise Refused(f"cannot be read as audio: {error.strerror}.") from error


@contextmanager
def _opened(path: Path, part: Part | None) -> Iterator[InputContainer]:
    # Without "file:", what a name has before a colon is taken for a protocol.
    if part is None and _is_unicode(path):
        with av.open(f"file:{path}", "r", **_TEXTS) as container:
            yield container
        return
    span = part or Part(0, path.stat().st_size)
    with Window(path, span) as window, av.open(window, "r", **_TEXTS) as container:
        yield container


def decodable(stream: AudioStream) -> bool:
    """Return whether FFmpeg has a decoder for a track."""
    return getattr(stream, "codec_context", None) is not None


def packets(container: InputContainer, *streams: AudioStream) -> Iterator[Packet[Any] | None]:
    """Yield the packets of some streams, with the empty ones at the end; None for each place that cannot be read."""
    failures = 0
    demuxed = container.demux(*streams)
    while failures < MOST_FAILURES:
        try:
            packet = next(demuxed, None)
        except av.FFmpegError:  # the generator has ended by that
            failures += 1
            demuxed = container.demux(*streams)
            if failures == 1:
                yield None
            continue
        if packet is None:
            return
        failures = 0
        yield packet


def _is_unicode(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
