"""Chooses the audio track of a file where none is named: the first that is not silent."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
from av.container import InputContainer

from babelmesh.client.decoding.opening import decodable, packets

SILENT = 0.001  # of full scale, -60 dB: a track that is never louder is silent


def audible(container: InputContainer, alive: Callable[[], None]) -> int:
    """Return the index, from 0, of the first audio track that is not silent throughout; 0 where all are.

    The first track is read until something is heard, the others meanwhile; `alive` is called with each packet.
    """
    numbers = {stream.index: number for number, stream in enumerate(container.streams.audio) if decodable(stream)}
    if len(numbers) <= 1:
        return min(numbers.values(), default=0)
    tracks = [container.streams.audio[number] for number in numbers.values()]
    heard: set[int] = set()
    for packet in packets(container, *tracks):
        alive()
        if packet is None or numbers[packet.stream.index] in heard:
            continue
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        if any(isinstance(frame, av.AudioFrame) and peak(frame) > SILENT for frame in frames):
            heard.add(numbers[packet.stream.index])
        if 0 in heard:
            return 0
    return min(heard, default=0)


def peak(frame: av.AudioFrame) -> float:
    """Return the peak level of a frame, 1 being full scale."""
    samples = frame.to_ndarray()
    if not samples.size:
        return 0.0
    if samples.dtype.kind == "f":
        return float(np.nan_to_num(np.abs(samples)).max())
    if samples.dtype.kind == "u":
        return float(np.abs(samples.astype(np.float64) - 128).max() / 128)
    return float(np.abs(samples.astype(np.float64)).max() / -float(np.iinfo(str(samples.dtype)).min))
