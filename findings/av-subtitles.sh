#!/usr/bin/env bash
# PyAV 18.1.0 (av): subtitles are encoded only with an ASS header that nothing asks for, and mov_text gains empty packets.
#
# Expected: a stream of subtitles added with add_stream("mov_text") or ("srt") encodes a cue as a stream of audio does a frame,
#           or the error names what is missing; and a file has as many packets of subtitles as cues were written.
# Instead:  the first cue raises InvalidDataError, "Invalid data found when processing input", of avcodec_open2: what it lacks is
#           codec_context.subtitle_header, an ASS script's head, though neither form is ASS. In MP4, each gap before a cue
#           becomes a packet of two zero bytes, which is how 3GPP timed text says "nothing"; Matroska has none.
# Matters:  a service that adds translated subtitles to a recording looks for the fault in its cues, which are valid; and whoever
#           counts or reads cues back from an MP4 has to leave out those without text.
# Seen:     when translated tracks are put into recordings.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from fractions import Fraction

import av
from av.subtitles.subtitle import SubtitleSet

HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n"
    b"[Events]\nFormat: Layer, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
MILLISECONDS = Fraction(1, 1000)
CUES = (1000, 5000)  # their starts; each lasts a second


def write(path, codec, header):
    with av.open(path, "w") as result:
        stream = result.add_stream(codec)
        if header is not None:
            stream.codec_context.subtitle_header = header
        stream.codec_context.time_base = stream.time_base = MILLISECONDS
        for number, start in enumerate(CUES):
            cue = SubtitleSet.create(f"{number},0,Default,,0,0,0,,Hello".encode(), 0, 1000)
            packet = stream.codec_context.encode_subtitle(cue)
            packet.stream, packet.time_base = stream, MILLISECONDS
            packet.pts = packet.dts = start
            packet.duration = 1000
            result.mux(packet)


def read(path):
    with av.open(path) as result:
        packets = result.demux(result.streams.subtitles[0])
        return [(packet.pts, bytes(packet)) for packet in packets if packet.pts is not None]


as_stated = True
for codec, ending, empty in (("mov_text", "mp4", 2), ("srt", "mkv", 0)):
    try:
        write(f"{sys.argv[1]}/without.{ending}", codec, None)
        error = None
    except av.error.InvalidDataError as raised:
        error = str(raised)
    print(f"{codec} without a header: {error or 'no error'}")
    as_stated = as_stated and error is not None and "header" not in error
    path = f"{sys.argv[1]}/with.{ending}"
    write(path, codec, HEADER)
    seen = read(path)
    for start, body in seen:
        print(f"{codec} with a header, at {start} ms: {body!r}")
    as_stated = as_stated and [start for start, body in seen if b"Hello" in body] == list(CUES)
    as_stated = as_stated and sum(body == b"\0\0" for _, body in seen) == empty and len(seen) == len(CUES) + empty
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
