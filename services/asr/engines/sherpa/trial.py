"""Makes a recognizer and runs it on silence, in a process of its own, which sherpa-onnx ends for many a wrong file.

    python -m services.asr.engines.sherpa.trial RECIPE

RECIPE is JSON. The last line on stdout is the model's metadata, as JSON.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime

from services.asr.engines.sherpa.recipe import Recipe, recognizer
from services.common.audio.pcm import ASR_RATE


def main() -> None:
    """Run the trial in this process, and print the model's metadata as JSON."""
    recipe = Recipe(**json.loads(sys.argv[1]))
    made = recognizer(recipe)
    streams = [made.create_stream() for _ in range(2)]
    for stream in streams:
        stream.accept_waveform(ASR_RATE, np.zeros(2 * ASR_RATE, dtype=np.float32))
    if recipe.streaming:
        while made.is_ready(streams[0]):
            made.decode_streams(streams)
    else:
        made.decode_streams(streams)
    sys.stdout.write(json.dumps(_metadata(recipe.main_file)) + "\n")


def _metadata(path: str) -> dict[str, str]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    metadata: dict[str, str] = onnxruntime.InferenceSession(path, options).get_modelmeta().custom_metadata_map
    return metadata


if __name__ == "__main__":
    main()
