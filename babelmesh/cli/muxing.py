"""Muxes a recording with its translations: a track for each voice over the original, and subtitles.

What was there is copied as it is, but audio that the container cannot hold. A recording without video becomes audio
with the same tracks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import langcodes
from av.subtitles.subtitle import SubtitleSet

from babelmesh.cli.mixing import Form, Sound, mixed
from babelmesh.cli.private import replacing
from babelmesh.cli.subtitles import Cue
from babelmesh.cli.synthetic import NOTE
from babelmesh.cli.tracks import LanguageTrack
from babelmesh.client.decoding.opening import Refused, opened, packets
from babelmesh.client.errors import AudioUnreadable, MuxFailed

BITS_PER_SECOND = 128_000  # of a mixed track
RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # of AAC, as all players take it
MILLISECONDS = Fraction(1, 1000)
MICROSECONDS = 1_000_000
SUBTITLES = {"mp4": "mov_text", "matroska": "srt"}
ASS_HEADER = (  # what FFmpeg makes subtitles of, whatever their form
    b"[Script Info]\nScriptType: v4.00+\n\n"
    b"[Events]\nFormat: Layer, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)

Timed = tuple[float, int, Any]  # seconds, a number that no other has, a packet


@dataclass(frozen=True, slots=True)
class Layout:
    """The container that a recording is written as, and whether it has video."""

    video: bool
    container: str  # as FFmpeg names it
    suffix: str


def muxed(recording: Path, folder: Path, tracks: Sequence[LanguageTrack], heard: int = 0) -> Path:
    """Write NAME.LANG.mp4 (or .mkv, .mka; `translated` for several languages), and return its path. Raises
    MuxFailed.

    The first track is that of the language spoken, which is the recording's audio track `heard`, from 0.
    """
    form = layout(recording, heard)
    targets = [track.lang for track in tracks[1:]]
    named = targets[0] if len(targets) == 1 else "translated"
    written = folder / f"{recording.stem}.{named}{form.suffix}"
    try:
        with replacing(written) as unfinished:
            try:
                _write(recording, tracks, unfinished, form, heard)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
    except (av.FFmpegError, AudioUnreadable, Refused, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).removesuffix(".")
        raise MuxFailed(f"{written} cannot be written from {recording}: {reason}.") from error
    return written


def layout(path: Path, heard: int = 0) -> Layout:
    """Return the container that fits a recording's streams. Raises Refused when it has no audio."""
    with opened(path) as recording:
        if not _video(recording):
            return Layout(False, "matroska", ".mka")
        mp4 = "mp4" in recording.format.name and _codecs(recording, heard) <= {
            "h264",
            "hevc",
            "av1",
            "mpeg4",
            "aac",
            "mp3",
        }
        return Layout(True, "mp4", ".mp4") if mp4 else Layout(True, "matroska", ".mkv")


def _write(recording: Path, tracks: Sequence[LanguageTrack], unfinished: Path, form: Layout, heard: int) -> None:
    with ExitStack() as stack:
        source = stack.enter_context(opened(recording))
        result = stack.enter_context(av.open(str(unfinished), "w", format=form.container))
        if any(track.voice for track in tracks):
            result.metadata["comment"] = NOTE
        copied = {stream.index: result.add_stream_from_template(stream) for stream in _video(source)[:1]}
        original = source.streams.audio[heard]
        sound = Form(_rate(original.rate), "mono" if original.channels == 1 else "stereo")
        voices = [(track, _audio(result, sound, track.lang)) for track in tracks if track.voice]
        remade = None
        if original.codec_context.name in result.supported_codecs:
            copied[original.index] = result.add_stream_from_template(original)
            _mark(copied[original.index], tracks[0].lang, "Original")
        else:
            remade = _audio(result, sound, tracks[0].lang)
        shown = [track for track in (*tracks[1:], tracks[0]) if track.cues]  # players show the first
        texts = [(track, _subtitles(result, form, track.lang)) for track in shown]
        began = (source.start_time or 0) / MICROSECONDS
        streams = [_copied(source, copied)]
        streams += [_encoded(mixed(recording, track.voice, sound, heard), stream, began) for track, stream in voices]
        streams += [_encoded(mixed(recording, None, sound, heard), remade, began)] if remade else []
        streams += [_shown(track.cues, stream, began) for track, stream in texts]
        for _, _, packet in heapq.merge(*(_numbered(each, place) for place, each in enumerate(streams))):
            result.mux(packet)


def _audio(result: Any, sound: Form, lang: str) -> Any:
    stream = result.add_stream("aac", rate=sound.rate, layout=sound.layout)
    stream.bit_rate = BITS_PER_SECOND
    _mark(stream, lang, "")
    return stream


def _subtitles(result: Any, form: Layout, lang: str) -> Any:
    stream = result.add_stream(SUBTITLES[form.container])
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = stream.time_base = MILLISECONDS
    _mark(stream, lang, "")
    return stream


def _mark(stream: Any, lang: str, title: str) -> None:
    try:
        stream.metadata["language"] = langcodes.get(lang).to_alpha3()
    except (LookupError, ValueError):
        stream.metadata["language"] = "mul"  # several languages, in ISO 639-2
    if title:
        stream.metadata["title"] = title


def _copied(source: Any, streams: dict[int, Any]) -> Iterator[tuple[float, Any]]:
    chosen = [source.streams[index] for index in streams]
    for packet in packets(source, *chosen) if chosen else ():  # no streams would mean all of them
        if packet is not None and packet.dts is not None:
            at = float(packet.dts * packet.time_base)
            packet.stream = streams[packet.stream.index]
            yield at, packet


def _encoded(sounds: Iterator[Sound], stream: Any, began: float) -> Iterator[tuple[float, Any]]:
    context = stream.codec_context
    position = round(began * context.sample_rate)
    for sound in sounds:
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, position, Fraction(1, context.sample_rate)
        position += sound.shape[1]
        for packet in stream.encode(frame):
            yield float(packet.dts * packet.time_base), packet
    for packet in stream.encode(None):
        yield float(packet.dts * packet.time_base), packet


def _shown(cues: Sequence[Cue], stream: Any, began: float) -> Iterator[tuple[float, Any]]:
    for number, cue in enumerate(cues):
        text = "\\N".join(cue.lines).replace("{", "(").replace("}", ")")  # braces hold commands
        dialogue = f"{number},0,Default,,0,0,0,,{text}".encode()
        length_ms = cue.end_ms - cue.start_ms
        packet = stream.codec_context.encode_subtitle(SubtitleSet.create(dialogue, 0, length_ms))
        packet.stream, packet.time_base = stream, MILLISECONDS
        packet.pts = packet.dts = cue.start_ms + round(began * 1000)
        packet.duration = length_ms
        yield packet.pts / 1000, packet


def _numbered(packets: Iterator[tuple[float, Any]], place: int) -> Iterator[Timed]:
    """Yield packets with a key that orders them by time, and by stream at one time."""
    return ((at, place, packet) for at, packet in packets)


def _video(recording: Any) -> list[Any]:
    """Return the video streams, without cover pictures."""
    covers = av.stream.Disposition.attached_pic
    return [stream for stream in recording.streams.video if not stream.disposition & covers]


def _codecs(recording: Any, heard: int) -> set[str]:
    return {stream.codec_context.name for stream in (*_video(recording)[:1], recording.streams.audio[heard])}


def _rate(rate: int) -> int:
    """Return the rate to encode at: the recording's own, or the next that AAC supports."""
    return next((each for each in RATES if each >= rate), RATES[-1])
