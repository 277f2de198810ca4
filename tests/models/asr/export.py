"""Writes a recognizer as ONNX, in the layout in which sherpa-onnx publishes NeMo's streaming models.

Names, shapes and metadata are those of sherpa-onnx's `scripts/nemo/fast-conformer-hybrid-transducer-ctc`. Every batch
axis is dynamic.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from tests.models.asr.model import MELS, SUBSAMPLING, Caches, Encoder, Recognizer, Shape

BLANK = "<blk>"
OPSET = 17
CACHES = ("cache_last_channel", "cache_last_time", "cache_last_channel_len")
NEXT_CACHES = ("cache_last_channel_next", "cache_last_time_next", "cache_last_channel_next_len")


class _Streamed(nn.Module):
    """The encoder, alone or with the CTC head behind it."""

    def __init__(self, encoder: Encoder, head: nn.Module | None) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(
        self, audio_signal: Tensor, length: Tensor, channel: Tensor, time: Tensor, filled: Tensor
    ) -> tuple[Tensor, ...]:
        outputs, lengths, caches = self.encoder.stream(audio_signal, length, Caches(channel, time, filled))
        if self.head is not None:
            outputs = torch.log_softmax(self.head(outputs.transpose(1, 2)), dim=-1)
        return outputs, lengths, caches.channel, caches.time, caches.length


class _Predicted(nn.Module):
    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.predictor = recognizer.predictor

    def forward(self, targets: Tensor, target_length: Tensor, states: Tensor, cells: Tensor) -> tuple[Tensor, ...]:
        outputs, (states, cells) = self.predictor(targets, (states, cells))
        return outputs.transpose(1, 2), target_length + 0, states, cells


class _Joined(nn.Module):
    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.joiner = recognizer.joiner

    def forward(self, encoder_outputs: Tensor, decoder_outputs: Tensor) -> Tensor:
        return self.joiner(encoder_outputs.transpose(1, 2), decoder_outputs.transpose(1, 2))


def write(recognizer: Recognizer, tokens: Sequence[str], folder: Path, layout: str) -> None:
    """The files of a layout, `nemo-transducer` or `nemo-ctc`, but for the manifest. `tokens` are without the blank."""
    folder.mkdir(parents=True, exist_ok=True)
    recognizer.eval()
    lines = [f"{token} {number}\n" for number, token in enumerate((*tokens, BLANK))]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    if layout == "nemo-ctc":
        _write_encoder(recognizer, folder / "model.onnx", recognizer.ctc)
        return
    _write_encoder(recognizer, folder / "encoder.onnx", None)
    _write_predictor(recognizer, folder / "decoder.onnx")
    _write_joiner(recognizer, folder / "joiner.onnx")


def _write_encoder(recognizer: Recognizer, path: Path, head: nn.Module | None) -> None:
    shape = recognizer.shape
    streams = 2
    example = (
        torch.zeros(streams, MELS, shape.window),
        torch.full((streams,), shape.window),
        torch.zeros(streams, shape.layers, shape.left_frames, shape.width),
        torch.zeros(streams, shape.layers, shape.width, shape.kernel - 1),
        torch.zeros(streams, dtype=torch.int64),
    )
    first = ("outputs", "encoded_lengths") if head is None else ("logprobs", "encoded_lengths")
    inputs, outputs = ("audio_signal", "length", *CACHES), (*first, *NEXT_CACHES)
    _export(_Streamed(recognizer.encoder, head), example, path, inputs, outputs)
    _annotate(path, _metadata(shape, head is None))


def _write_predictor(recognizer: Recognizer, path: Path) -> None:
    states = torch.zeros(1, 2, recognizer.shape.hidden)
    example = (torch.zeros(2, 1, dtype=torch.int32), torch.ones(2, dtype=torch.int32), states, states.clone())
    inputs = ("targets", "target_length", "states.1", "onnx::Slice_3")
    outputs = ("outputs", "prednet_lengths", "states", "cells")
    _export(_Predicted(recognizer), example, path, inputs, outputs)


def _write_joiner(recognizer: Recognizer, path: Path) -> None:
    example = (torch.zeros(2, recognizer.shape.width, 1), torch.zeros(2, recognizer.shape.hidden, 1))
    _export(_Joined(recognizer), example, path, ("encoder_outputs", "decoder_outputs"), ("outputs",))


def _export(
    module: nn.Module, example: tuple[Tensor, ...], path: Path, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    axes: dict[str, dict[int, str]] = {}
    for name in (*inputs, *outputs):
        state = module.__class__ is _Predicted and name in {*inputs[2:], *outputs[2:]}
        axes[name] = {1 if state else 0: "batch"}
    torch.onnx.export(
        module.eval(),
        example,
        str(path),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )


def _metadata(shape: Shape, transducer: bool) -> dict[str, str]:
    told = {
        "vocab_size": shape.tokens,  # the blank not counted
        "window_size": shape.window,
        "chunk_shift": shape.chunk_shift,
        "normalize_type": "NA",
        "cache_last_channel_dim1": shape.layers,
        "cache_last_channel_dim2": shape.left_frames,
        "cache_last_channel_dim3": shape.width,
        "cache_last_time_dim1": shape.layers,
        "cache_last_time_dim2": shape.width,
        "cache_last_time_dim3": shape.kernel - 1,
        "subsampling_factor": SUBSAMPLING,
        "model_type": "EncDecHybridRNNTCTCBPEModel",
        "version": "1",
        "model_author": "Babelmesh",
        "comment": f"Only the {'transducer' if transducer else 'CTC'} branch is exported",
    }
    if transducer:
        told |= {"pred_rnn_layers": 1, "pred_hidden": shape.hidden}
    return {key: str(value) for key, value in told.items()}


def _annotate(path: Path, metadata: dict[str, str]) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)
