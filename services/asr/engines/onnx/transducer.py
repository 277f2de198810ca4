"""A transducer's prediction network and joiner, for any number of hypotheses at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime

from services.asr.engines.onnx.features import Array


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction network's output after some tokens, and its state for the next token."""

    output: Array  # [width]
    memory: tuple[Array, ...]  # of each recurrent state: [layers, width]


class Transducer:
    """A transducer's networks. Inputs go by order: token, length, states; frame, prediction. Used by one thread
    only.
    """

    def __init__(
        self,
        decoder: onnxruntime.InferenceSession,
        joiner: onnxruntime.InferenceSession,
        blank: int,
        shape: tuple[int, int],
    ) -> None:
        self._decoder = decoder
        self._joiner = joiner
        self._decoder_inputs = [each.name for each in decoder.get_inputs()]
        outputs = [each.name for each in decoder.get_outputs()]
        self._decoder_outputs = [outputs[0], *outputs[2:]]  # without the lengths
        self._joiner_inputs = [each.name for each in joiner.get_inputs()]
        zero = np.zeros(shape, np.float32)
        silent = Prediction(zero, (zero,) * (len(self._decoder_inputs) - 2))
        self.first = self.predict([blank], [silent])[0]  # before any token

    def predict(self, tokens: Sequence[int], before: Sequence[Prediction]) -> list[Prediction]:
        """Return the predictions after each token is appended to the one before it."""
        asked = [
            np.array(tokens, np.int32)[:, None],
            np.ones(len(tokens), np.int32),
            *(np.stack(states, axis=1) for states in zip(*(each.memory for each in before), strict=True)),
        ]
        outputs, *states = self._decoder.run(self._decoder_outputs, dict(zip(self._decoder_inputs, asked, strict=True)))
        return [
            Prediction(outputs[number, :, 0], tuple(state[:, number] for state in states))
            for number in range(len(tokens))
        ]

    def join(self, frames: Array, predictions: Sequence[Prediction]) -> Array:
        """Return the joiner's logits [batch, tokens and blank] for frames [batch, width] and these predictions."""
        outputs = np.stack([each.output for each in predictions])
        asked = dict(zip(self._joiner_inputs, (frames[:, :, None], outputs[:, :, None]), strict=True))
        logits: Array = self._joiner.run(None, asked)[0]
        return logits.reshape(len(predictions), -1)


def log_softmax(logits: Array) -> Array:
    """Return the log-softmax over the last axis; values that already are log probabilities stay as they are."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logs: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs
