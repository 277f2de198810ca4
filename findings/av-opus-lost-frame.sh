#!/usr/bin/env bash
# PyAV 18.1.0 (av): an empty packet, which stands for a lost one in libopus, ends an Opus decoder for good; its default one conceals nothing.
#
# Expected: decode(Packet(b"")) gives what the decoder makes of a lost frame, as opus_decode(NULL) does, or nothing; and the next packet
#           is decoded. The decoder named "opus" conceals losses as libopus does.
# Instead:  FFmpeg takes a packet without data for the end of the stream: every packet after it raises EOFError. What asks for
#           concealment is a packet of one byte, the table of contents of the packet before with its last two bits cleared (one
#           frame, of no bytes). The codec "libopus" then carries the voice on; the one that "opus" gives, FFmpeg's own, fades out
#           within a frame and is silent from the second on.
# Matters:  one lost or empty packet (a client that sends nothing in silence) ends a call's audio, or cuts its words.
# Seen:     when packets of calls were lost. RFC 6716, sections 3.2.1 and 4; https://pyav.org/docs/stable/api/codec.html
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from fractions import Fraction

import av
import numpy as np

RATE, LONG = 48_000, 960


def packets():
    """Half a second of a tone, in packets of 20 ms."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = RATE, "mono", "s16"
    codec.options = {"application": "voip"}
    tone = (8_000 * np.sin(2 * np.pi * 220 * np.arange(25 * LONG) / RATE)).astype(np.int16)
    for at in range(0, len(tone), LONG):
        frame = av.AudioFrame.from_ndarray(tone[None, at : at + LONG], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        yield from (bytes(packet) for packet in codec.encode(frame))


def level(decoder, data):
    """Root mean square of what a packet decodes to, full scale 1."""
    (frame,) = decoder.decode(av.Packet(data))
    sound = frame.to_ndarray().astype(float)
    return float(np.sqrt(np.mean(sound**2))) / (1 if frame.format.name.startswith("flt") else 32_768)


made = list(packets())
second, ended = {}, {}
for name in ("opus", "libopus"):
    decoder = av.CodecContext.create(name, "r")
    whole = [level(decoder, data) for data in made[:20]][-1]
    lost = bytes([made[19][0] & 0xFC])
    shares = [level(decoder, lost) / whole for _ in range(2)]
    second[name] = shares[1]
    decoder.decode(av.Packet(b""))
    try:
        decoder.decode(av.Packet(made[20]))
        ended[name] = False
    except EOFError:
        ended[name] = True
    print(f"{name}: two lost frames have {shares[0]:.2f} and {shares[1]:.2f} of the level; ended by b'': {ended[name]}")
as_stated = all(ended.values()) and second["opus"] < 0.05 < 0.3 < second["libopus"]
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
