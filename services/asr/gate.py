"""Lets speech through to the engine and keeps silence away from it. Pure, but for the VAD it asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from services.asr.endpointing import Endpointing, EndpointingRules, Turn
from services.asr.engine import Endpoint, Heard, Speech
from services.asr.vad import FRAME_SAMPLES, Vad
from services.common.audio import Pcm

EMPTY: Pcm = np.empty(0, dtype=np.int16)


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """Speech started or ended at an offset."""

    started: bool
    offset_samples: int


Gated: TypeAlias = Heard | SpeechEdge


class Gate:
    """Cuts a session's audio into the speech of its segments.

    Audio goes in with `hear`, in pieces of any size; what comes out is, in order, the speech of a segment (with some
    audio before its onset, so that the first phoneme is whole), its Endpoint, and the edges of speech between.
    """

    def __init__(self, vad: Vad, rules: EndpointingRules, pre_roll_samples: int) -> None:
        self._vad = vad
        self._endpointing = Endpointing(rules)
        # The onset is noticed some frames late; they are kept beside the pre-roll.
        self._kept_samples = pre_roll_samples + rules.onset_frames * FRAME_SAMPLES
        self._kept = EMPTY  # outside a segment: the newest audio, at most so much
        self._rest = EMPTY  # less than a frame
        self.passed_samples = 0  # offset of the end of the audio that went through; all but the rest of what was heard

    @property
    def open(self) -> bool:
        """Whether a segment is open."""
        return self._endpointing.open

    @property
    def heard_samples(self) -> int:
        """Offset of the end of all audio heard."""
        return self.passed_samples + len(self._rest)

    @property
    def silent_until_samples(self) -> int:
        """While no segment is open: all audio before this is in a segment that ended, or held no speech."""
        return self.passed_samples - len(self._kept)

    @property
    def speech_start_samples(self) -> int:
        """Where the speech of the open segment, or else the last one, starts."""
        return self._endpointing.speech_start_samples

    @property
    def speech_end_samples(self) -> int:
        """Where the speech heard so far ends."""
        return self._endpointing.speech_end_samples

    def hear(self, pcm: Pcm) -> Iterator[Gated]:
        """Takes audio that follows the audio before it. The iterator must be run to its end before the next call."""
        start_samples = self.passed_samples
        audio = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        whole = len(audio) - len(audio) % FRAME_SAMPLES
        self._rest = audio[whole:]
        given = 0 if self.open else whole  # audio[given:] is the open segment's, and not given yet
        for end in range(FRAME_SAMPLES, whole + 1, FRAME_SAMPLES):
            frame = audio[end - FRAME_SAMPLES : end]
            self.passed_samples = start_samples + end
            turn = self._endpointing.hear(self._vad.probability(frame), self.passed_samples)
            if turn is Turn.ONSET:
                yield SpeechEdge(True, self.speech_start_samples)
                kept = np.concatenate((self._kept, frame))
                self._kept = EMPTY
                yield Speech(kept, self.passed_samples - len(kept))
                given = end
            elif turn is Turn.NONE and not self.open:
                self._kept = np.concatenate((self._kept, frame))[-self._kept_samples :]
            elif turn is not Turn.NONE:
                yield Speech(audio[given:end], start_samples + given)
                yield Endpoint()
                given = end if turn is Turn.SPLIT else whole
                if turn is Turn.ENDPOINT:
                    yield SpeechEdge(False, self.speech_end_samples)
        if self.open and given < whole:
            yield Speech(audio[given:whole], start_samples + given)

    def close(self) -> Iterator[Gated]:
        """Ends the open segment at the end of the audio heard. Without one, nothing comes out."""
        if not self.open:
            return
        if len(self._rest):
            rest, start_samples = self._rest, self.passed_samples
            self._let_go()
            yield Speech(rest, start_samples)
        self._endpointing.close()
        yield Endpoint()
        yield SpeechEdge(False, self.speech_end_samples)

    def finish(self) -> Iterator[Gated]:
        """Ends the session's audio: closes the open segment, and lets go of what waited for more audio."""
        yield from self.close()
        self._let_go()

    def move(self, offset_samples: int) -> None:
        """Goes on at another offset, as if the session began there. No segment may be open."""
        self._vad.reset()
        self._endpointing.close()
        self._let_go()
        self.passed_samples = offset_samples

    def _let_go(self) -> None:
        self.passed_samples = self.heard_samples
        self._kept = self._rest = EMPTY
