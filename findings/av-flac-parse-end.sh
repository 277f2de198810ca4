#!/usr/bin/env bash
# PyAV 18.1.0 (av): CodecContext.parse keeps the last frames of a FLAC stream, and its flush hands out one of them a call.
#
# Expected: after the last bytes, one call of parse() without data returns every packet that was held back, as one call of
#           decode(None) or encode(None) returns everything that its codec held.
# Instead:  FFmpeg's FLAC parser keeps about ten frames, to judge headers by those that follow; each call of parse(None) returns
#           one packet of them, until a call returns none.
# Matters:  a service that cuts a live FLAC stream into frames with parse and flushes once loses the last half second of what was
#           said, at 4,096 samples and 16 kHz two seconds, and nothing says so.
# Seen:     when FLAC from a microphone was cut into frames. Documentation: https://pyav.org/docs/stable/api/codec.html
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5

"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import av
import numpy as np

RATE = 16_000
SECONDS = 5


def encoded():
    """Noise as a FLAC file, and how many frames it has."""
    noise = np.random.default_rng(1).normal(0, 2_000, RATE * SECONDS).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        stream.codec_context.format = "s16"
        frame = av.AudioFrame.from_ndarray(noise[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        packets = stream.encode(frame) + stream.encode(None)
        for packet in packets:
            container.mux(packet)
    return file.getvalue(), sum(1 for packet in packets if packet.size)


data, frames = encoded()
parser = av.CodecContext.create("flac", "r")
before = sum(len(parser.parse(data[at : at + 1_000])) for at in range(0, len(data), 1_000))
flushed = []
while packets := parser.parse(None):
    flushed.append(len(packets))
print(f"{frames} frames were encoded; parse returned {before} while it was fed")
print(f"packets of each further call of parse(None): {flushed}")
as_stated = before < frames - 5 and len(flushed) > 5 and set(flushed) == {1}
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
