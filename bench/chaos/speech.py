"""Made-up speech that says who speaks and when, so that every word can be looked for afterwards.

A session speaks for SPOKEN_MS of every PERIOD_MS: a tone whose loudness is the number of the session.
`bench.chaos.engines` hears a word for each WORD_MS of it and names it by speaker and place, "s12w34": so a word that
is missing, doubled, out of place or somebody else's shows in the text alone, whichever replica heard it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.common.audio.pcm import ASR_RATE, Pcm

LEAD_MS = 512  # of silence, before the first utterance
PERIOD_MS = 2_560  # whole windows of the VAD, so that each utterance is cut alike
SPOKEN_MS = 1_088  # a little more than its words
WORD_MS = 256
PLACE_MS = WORD_MS  # words are named by the nearest multiple of it; an utterance starts at one
CHUNK_MS = 256

_WAVE_SAMPLES = 32  # 500 Hz
_QUIETEST = 1_000  # well above what the recognizer takes for silence
_STEP = 10


@dataclass(frozen=True, slots=True)
class Utterance:
    """One piece of speech, and the words it holds."""

    from_ms: int
    to_ms: int
    words: tuple[str, ...]


def chunk(speaker: int, offset_samples: int, count: int) -> bytes:
    """So much of what a speaker says, from an offset on: 16-bit mono PCM at 16 kHz."""
    lead, period, spoken = (samples(each) for each in (LEAD_MS, PERIOD_MS, SPOKEN_MS))
    places = np.arange(offset_samples, offset_samples + count) - lead
    loud = (places >= 0) & (places % period < spoken)
    wave = np.where(places % _WAVE_SAMPLES < _WAVE_SAMPLES // 2, 1, -1)
    return np.asarray(np.where(loud, wave * (_QUIETEST + _STEP * speaker), 0), dtype="<i2").tobytes()


def utterances(speaker: int, before_samples: int, after_samples: int) -> Iterator[Utterance]:
    """What ends within a span of the session's audio clock."""
    lead, period, spoken = (samples(each) for each in (LEAD_MS, PERIOD_MS, SPOKEN_MS))
    number = max(0, (before_samples - lead - spoken) // period + 1)
    while (end := lead + number * period + spoken) <= after_samples:
        if end > before_samples:
            start_ms = LEAD_MS + number * PERIOD_MS
            ends = (start_ms + WORD_MS * (count + 1) for count in range(SPOKEN_MS // WORD_MS))
            yield Utterance(start_ms, start_ms + SPOKEN_MS, tuple(word(speaker, each) for each in ends))
        number += 1


def is_pause(offset_samples: int) -> bool:
    """Whether a session that ends here has been silent for long enough to end no utterance early."""
    place = offset_samples - samples(LEAD_MS)
    return place % samples(PERIOD_MS) >= samples(PERIOD_MS - CHUNK_MS)


def word(speaker: int, end_ms: float) -> str:
    """The word that ends there."""
    return f"s{speaker}w{round(end_ms / PLACE_MS)}"


def speaker_of(pcm: Pcm) -> int | None:
    """Who speaks; None when nobody does."""
    peak = int(np.abs(pcm.astype(np.int32)).max()) if len(pcm) else 0
    return (peak - _QUIETEST) // _STEP if peak >= _QUIETEST else None


def samples(milliseconds: int) -> int:
    """At 16 kHz."""
    return milliseconds * ASR_RATE // 1000
