"""The interface of searches for tokens in the encoder's frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.hotwords import Hotwords
from services.asr.engines.onnx.tokens import Emitted

MOST_SYMBOLS = 10  # a transducer emits at one frame, as in NeMo's and sherpa-onnx's searches


class Found(Protocol):
    """A search's state for one segment. Immutable: each step makes another."""

    @property
    def emitted(self) -> tuple[Emitted, ...]:
        """The best tokens so far, in order."""

    @property
    def closed(self) -> tuple[Emitted, ...]:
        """The best tokens if the segment ends here."""

    @property
    def sure(self) -> int:
        """Number of leading tokens in `emitted` that will never change."""


F = TypeVar("F")


class Search(Protocol, Generic[F]):
    """A search for tokens in the frames of many segments at once. Used by one thread only."""

    biased: bool  # whether hotwords make a difference

    def begin(self, hotwords: Hotwords | None) -> F:
        """Return the search's state for a segment that begins."""

    def advance(self, frames: Array, found: Sequence[F]) -> list[F]:
        """Return each segment's state after frames [segments, width, frames] more."""
