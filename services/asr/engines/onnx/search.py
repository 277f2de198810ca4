"""What every way of searching the encoder's frames for tokens has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.hotwords import Hotwords
from services.asr.engines.onnx.tokens import Emitted

MOST_SYMBOLS = 10  # a transducer emits at one frame, as in NeMo's and sherpa-onnx's searches


class Found(Protocol):
    """What a search knows of one segment. A value: a step makes another."""

    @property
    def emitted(self) -> tuple[Emitted, ...]:
        """The best tokens so far."""

    @property
    def closed(self) -> tuple[Emitted, ...]:
        """The best tokens if the segment ends here."""

    @property
    def sure(self) -> int:
        """So many of the first ones of `emitted` will never change."""


F = TypeVar("F")


class Search(Protocol, Generic[F]):
    """A way to search, for many segments at once. For one thread."""

    biased: bool  # whether hotwords make a difference

    def begin(self, hotwords: Hotwords | None) -> F:
        """What is known of a segment that begins."""

    def advance(self, frames: Array, found: Sequence[F]) -> list[F]:
        """What is known after frames [segments, width, frames] more of each segment."""
