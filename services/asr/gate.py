"""Passes speech on to the engine and keeps silence away from it. Pure, but for the VAD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from services.asr.endpointing import Endpointing, EndpointingRules, Frame, Turn
from services.asr.engine import Endpoint, Heard, Speech
from services.asr.vad import FRAME_SAMPLES, Vad
from services.common.audio.pcm import Pcm

EMPTY: Pcm = np.empty(0, dtype=np.int16)


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """Start or end of speech, at an offset in samples."""

    started: bool
    offset_samples: int


Gated: TypeAlias = Heard | SpeechEdge


class Gate:
    """Cuts a session's audio into the speech of its segments, by VAD and endpointing.

    Audio goes in with `hear`, in pieces of any size; what comes out is, in order, the speech of a segment (with some
    audio before its onset, so that the first phoneme is whole), its Endpoint, and the edges of speech between.
    """

    def __init__(self, vad: Vad, rules: EndpointingRules, pre_roll_samples: int) -> None:
        self._vad = vad
        self._endpointing = Endpointing(rules)
        # The onset is noticed some frames late; they are kept beside the pre-roll.
        self._pre_roll_samples = pre_roll_samples + rules.onset_frames * FRAME_SAMPLES
        self._kept = EMPTY  # heard and not given: what may be the next segment's, or before an onset
        self._rest = EMPTY  # less than a frame
        self.passed_samples = 0  # offset of the end of the audio the VAD has heard; all but the rest

    @property
    def open(self) -> bool:
        """Whether a segment is open."""
        return self._endpointing.open

    @property
    def heard_samples(self) -> int:
        """Offset, in samples, of the end of all audio received."""
        return self.passed_samples + len(self._rest)

    @property
    def given_samples(self) -> int:
        """Offset up to which all audio came out or held no speech; what follows may still be the pre-roll of an
        onset.
        """
        return self.passed_samples - len(self._kept) if self.open else self.passed_samples

    @property
    def silent_until_samples(self) -> int:
        """While no segment is open: offset up to which all audio is in a segment that ended, or held no speech."""
        return self.passed_samples - len(self._kept)

    @property
    def speech_start_samples(self) -> int:
        """Offset at which the speech of the open segment starts, or else that of the last one."""
        return self._endpointing.speech_start_samples

    @property
    def speech_end_samples(self) -> int:
        """Offset at which the speech passed on so far ends."""
        return min(self._endpointing.speech_end_samples, self.given_samples)

    def hear(self, pcm: Pcm) -> Iterator[Gated]:
        """Add audio that follows what came before. The iterator must be exhausted before the next call."""
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) - len(audio) % FRAME_SAMPLES
        self._rest = audio[whole:]
        for start in range(0, whole, FRAME_SAMPLES):
            yield from self._pass(audio[start : start + FRAME_SAMPLES])
        if self.open:
            yield from self._give(self._endpointing.sure_samples)

    def _pass(self, frame: Pcm) -> Iterator[Gated]:
        self._kept = np.concatenate((self._kept, frame))
        self.passed_samples += FRAME_SAMPLES
        match self._endpointing.hear(Frame(self._vad.probability(frame), level(frame), self.passed_samples)):
            case Turn.ONSET:
                yield SpeechEdge(True, self.speech_start_samples)
            case Turn.ENDPOINT:
                yield from self._give(self.passed_samples)
                yield Endpoint()
                yield SpeechEdge(False, self.speech_end_samples)
            case Turn.SPLIT:
                yield from self._give(self.speech_start_samples)
                yield Endpoint(split=True)
            case Turn.NONE if not self.open:
                self._kept = self._kept[-self._pre_roll_samples :]

    def _give(self, end_samples: int) -> Iterator[Speech]:
        """Yield the audio kept back, up to an offset."""
        start_samples = self.passed_samples - len(self._kept)
        if end_samples > start_samples:
            given, self._kept = np.split(self._kept, [end_samples - start_samples])
            yield Speech(given, start_samples)

    def release(self) -> Iterator[Gated]:
        """Yield all audio of the open segment that is held back for a better place to split it."""
        if self.open:
            self._endpointing.release(self.passed_samples)
            yield from self._give(self.passed_samples)

    def close(self) -> Iterator[Gated]:
        """End the open segment at the end of the audio received; without one, nothing comes out."""
        if not self.open:
            return
        heard = np.concatenate((self._kept, self._rest))
        start_samples = self.heard_samples - len(heard)
        self._let_go()
        if len(heard):
            yield Speech(heard, start_samples)
        self._endpointing.close()
        yield Endpoint()
        yield SpeechEdge(False, self.speech_end_samples)

    def finish(self) -> Iterator[Gated]:
        """End the session's audio: close the open segment, and release audio that waited for more."""
        yield from self.close()
        self._let_go()

    def move(self, offset_samples: int) -> None:
        """Continue at another offset, as if the session began there. No segment may be open."""
        self._vad.reset()
        self._endpointing.close()
        self._let_go()
        self.passed_samples = offset_samples

    def _let_go(self) -> None:
        self.passed_samples = self.heard_samples
        self._kept = self._rest = EMPTY


def level(frame: Pcm) -> float:
    """Return the level of a frame: the mean square of its samples."""
    return float(np.mean(np.square(frame.astype(np.float64))))
