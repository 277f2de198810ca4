"""Reads a streaming NeMo export's layout from its encoder's metadata.

The keys are those of sherpa-onnx's export scripts (scripts/nemo/fast-conformer-hybrid-transducer-ctc).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from services.common.neural.bundles import fault

FRAME_MS = 10  # from one feature frame to the next
NOT_NORMALIZED = ("", "NA", "None")

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A streaming model's windows of feature frames: their length, and the step from one to the next."""

    window_frames: int
    shift_frames: int
    subsampling: int  # feature frames of one frame that comes out
    blank: int  # the token that says nothing: the one after the last
    channel_shape: Shape  # of one session's cache of the attention layers: layers, frames, width
    time_shape: Shape  # of the convolutions' cache: layers, width, frames

    @property
    def lead_frames(self) -> int:
        """Number of feature frames at a window's start that were also in the window before."""
        return self.window_frames - self.shift_frames

    def windows(self, frames: int) -> int:
        """Return how many windows carry so many feature frames through the model; at least one."""
        return max(1, -(-(frames - self.lead_frames) // self.shift_frames))


def layout(metadata: Mapping[str, str], folder: Path) -> Layout:
    """Read the layout from a model's metadata. Raises InvalidArgument naming the key that is missing or wrong."""
    normalize = metadata.get("normalize_type", "")
    if normalize not in NOT_NORMALIZED:
        raise fault(
            folder,
            f"Its features are normalized ({normalize}) over the whole recording, which a stream does not have.",
        )
    return Layout(
        window_frames=_count(metadata, "window_size", folder),
        shift_frames=_count(metadata, "chunk_shift", folder),
        subsampling=_count(metadata, "subsampling_factor", folder),
        blank=_count(metadata, "vocab_size", folder),
        channel_shape=_shape(metadata, "cache_last_channel", folder),
        time_shape=_shape(metadata, "cache_last_time", folder),
    )


def predictor_shape(metadata: Mapping[str, str], folder: Path) -> tuple[int, int]:
    """Return layers and width of a transducer's prediction network. Raises InvalidArgument naming the wrong key."""
    return _count(metadata, "pred_rnn_layers", folder), _count(metadata, "pred_hidden", folder)


def _shape(metadata: Mapping[str, str], cache: str, folder: Path) -> Shape:
    return tuple(_count(metadata, f"{cache}_dim{number}", folder) for number in (1, 2, 3))


def _count(metadata: Mapping[str, str], key: str, folder: Path) -> int:
    value = metadata.get(key, "")
    if not value.isdecimal() or int(value) < 1:
        wrong = f"is {value!r}, not a count" if key in metadata else "is missing"
        raise fault(folder, f"It is no streaming export of NeMo's: {key} {wrong} in the model's metadata.")
    return int(value)
