#!/usr/bin/env bash
# PyAV 18.1.0 (av): AudioResampler leaves mirror images above half the source's rate, up to a third of the voice's own loudness.
#
# Expected: 8 kHz speech resampled to 16 kHz has nothing above 4 kHz that is to be heard: the images of a resampler for speech
#           are 60 dB or more below what they mirror, as they are with soxr's standard quality.
# Instead:  FFmpeg's default filter is 32 taps long and cuts at 0.97 of half the rate: a tone of 3.6 kHz comes with an image at
#           4.4 kHz, 27 dB below it, one of 3.8 kHz at 12 dB. Up to 3 kHz nothing is wrong. AudioResampler has no argument for the
#           filter's size or cut-off.
# Matters:  calls from telephones are 8 kHz: a recognizer trained on 16 kHz is given sibilants that nobody made, and a comparison
#           of recognizers at both rates measures the filter as well.
# Seen:     when recognizers were given telephone speech. Options: https://ffmpeg.org/ffmpeg-resampler.html
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import av
import numpy as np

SOURCE, TARGET = 8_000, 16_000
SECONDS = 2


def image(hertz):
    """How loud the image of a tone is beside the tone, in dB."""
    times = np.arange(SOURCE * SECONDS) / SOURCE
    tone = (16_000 * np.sin(2 * np.pi * hertz * times)).astype("<i2")
    frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
    frame.sample_rate = SOURCE
    resampler = av.AudioResampler("s16", "mono", TARGET)
    samples = np.concatenate([each.to_ndarray()[0] for each in resampler.resample(frame) + resampler.resample(None)])
    middle = samples[TARGET // 2 : TARGET // 2 + TARGET]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(TARGET)))  # a bin a hertz
    loudest = [spectrum[at - 20 : at + 20].max() for at in (hertz, SOURCE - hertz)]
    return 20 * np.log10(loudest[1] / loudest[0])


images = {hertz: image(hertz) for hertz in (1_000, 3_000, 3_600, 3_800)}
for hertz, decibel in images.items():
    print(f"a tone of {hertz} Hz: its image at {SOURCE - hertz} Hz is {decibel:.0f} dB")
as_stated = images[3_000] < -80 and -30 < images[3_600] < -24 and -14 < images[3_800] < -10
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
