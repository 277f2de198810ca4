#!/usr/bin/env bash
# Moonshine tiny-en as in moonshine-voice 0.0.4, on ONNX Runtime 1.31.1: the decoder's mask does not have the shape it declares.
#
# Expected: encoder_attention_mask is declared [batch_size, encoder_sequence_length], the dimension that encoder_hidden_states
#           has too, so a mask with a place for each frame of the encoder is right at every length.
# Instead:  the graph takes every 384th place of it, as of a mask of samples. A mask of up to 384 frames shrinks to one
#           place, which is broadcast over all frames: it runs, but masks nothing. Longer audio, as 12 s, fails in an Add.
# Matters:  what recognizes short utterances in every test fails when a speaker goes on for ten seconds, and padding
#           in a batch of short windows is not masked. The mask has to have a place for each sample.
# Seen:     when windows of a live stream are recognized again as they grow.
#
# The wheel is unpacked for its graphs, and not imported. Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnxruntime==1.31.1
"$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --platform manylinux_2_35_x86_64 --dest "$folder" moonshine-voice==0.0.4
"$folder/venv/bin/python" -m zipfile -e "$folder"/moonshine_voice-0.0.4-*.whl "$folder/wheel"

"$folder/venv/bin/python" - "$folder/wheel/moonshine_voice/assets/tiny-en" <<'PYTHON'
import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 4
encoder, decoder = (
    onnxruntime.InferenceSession(f"{sys.argv[1]}/{name}.ort", options, providers=["CPUExecutionProvider"])
    for name in ("encoder_model", "decoder_model_merged")
)
random = np.random.default_rng(1)


def logits(frames, mask):
    """The decoder's first step, or None when it fails."""
    feed = {place.name: np.zeros((1, 8, 0, 36), np.float32) for place in decoder.get_inputs() if "past" in place.name}
    feed |= {"input_ids": np.array([[1]], np.int64), "use_cache_branch": np.array([False])}
    feed |= {"encoder_hidden_states": frames, "encoder_attention_mask": mask}
    try:
        return decoder.run(["logits"], feed)[0]
    except Exception as error:  # ONNX Runtime's errors have no public class
        print("  failed:", str(error).split("Status Message:")[1].strip()[:90])
        return None


declared = {place.name: place.shape[1:2] for place in decoder.get_inputs()}
same = declared["encoder_attention_mask"] == declared["encoder_hidden_states"]
print("the mask is declared to be as long as the frames:", same)
as_stated = same
for seconds in (4, 12):
    audio = random.normal(0, 0.05, (1, seconds * 16_000)).astype(np.float32)
    feed = {"input_values": audio, "attention_mask": np.ones(audio.shape, np.int64)}
    (frames,) = encoder.run(["last_hidden_state"], feed)
    by_frame = np.ones(frames.shape[:2], np.int64)
    first_only = by_frame.copy()
    first_only[:, 1:] = 0
    print(f"{seconds} s, {frames.shape[1]} frames")
    samples, whole = logits(frames, np.ones(audio.shape, np.int64)), logits(frames, by_frame)
    print(f"  a mask of samples runs: {samples is not None}; a mask of frames runs: {whole is not None}")
    as_stated = as_stated and samples is not None and (whole is None) == (frames.shape[1] > 384)
    if whole is not None:
        ignored = np.array_equal(whole, logits(frames, first_only))
        print("  masking all frames but the first changes nothing:", ignored)
        as_stated = as_stated and ignored
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
