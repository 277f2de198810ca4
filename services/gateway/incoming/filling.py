"""Sound for a hole in speech, and speech a little longer or shorter than it was spoken, without a click. Pure."""

from __future__ import annotations

import numpy as np

from services.common.audio.pcm import Pcm

MIRRORED_MS = 20  # of what lies before and behind a hole


def mirrored(before: Pcm, after: Pcm, samples: int) -> Pcm:
    """Sound of that many samples between two pieces: each is mirrored into the hole and fades; then there is silence.

    A hole of one packet is crossed so from one piece to the other; speech that is played backwards for 20 ms has the
    pitch and the colour of what it was made from.
    """
    fill = np.zeros(samples, dtype=np.float32)
    into, out = before[::-1][:samples], after[:samples]
    fill[: len(into)] += into * _fading(len(into))
    fill[samples - len(out) :] += (out * _fading(len(out)))[::-1]
    return fill.clip(-32_768, 32_767).astype(np.int16)


def stretched(pcm: Pcm, more: int) -> Pcm:
    """A piece with that many samples more, or fewer: both of its ends stay what they are."""
    if not more or len(pcm) < 2 or len(pcm) + more < 2:
        return pcm
    places = np.linspace(0, len(pcm) - 1, len(pcm) + more)
    return np.interp(places, np.arange(len(pcm)), pcm).astype(np.int16)


def faded_in(pcm: Pcm, samples: int) -> Pcm:
    """A piece that begins without a click though nothing lies before it."""
    own = min(samples, len(pcm))
    return np.concatenate(((pcm[:own] * _fading(own)[::-1]).astype(np.int16), pcm[own:]))


def faded_out(pcm: Pcm, samples: int) -> Pcm:
    """A piece that ends without a click though nothing follows it."""
    return faded_in(pcm[::-1], samples)[::-1]


def _fading(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """From 1 to 0, as half a wave of a cosine."""
    fading: np.ndarray[tuple[int], np.dtype[np.float32]] = (
        np.cos(np.pi * (np.arange(samples) + 0.5) / max(samples, 1)) / 2 + 0.5
    ).astype(np.float32)
    return fading
