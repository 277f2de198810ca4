"""Passes speech on to the engine and keeps silence away from it. Pure, but for the VAD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from services.asr.endpointing import Endpointing, EndpointingRules, Frame, Turn
from services.asr.engine import Endpoint, Heard, Speech
from services.asr.silero import FRAME_SAMPLES
from services.asr.vad import Vad, levels
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

    Audio goes in with `hear`, in pieces of any size. In order, the speech of a segment comes out (with some audio
    before its onset, so that the first phoneme is whole), its Endpoint, and the edges of speech between.
    """

    def __init__(self, vad: Vad, rules: EndpointingRules, pre_roll_samples: int) -> None:
        self._vad = vad
        self._endpointing = Endpointing(rules)
        # The onset is noticed some frames late; they are kept beside the pre-roll.
        self._pre_roll_samples = pre_roll_samples + rules.onset_frames * FRAME_SAMPLES
        self._audio = EMPTY  # up to `heard_samples`: what was kept, and the rest, which is less than a frame
        self._given_samples = 0  # what follows was not given: it may be the next segment's, or before an onset
        self.passed_samples = 0  # offset of the end of the audio the VAD has heard; all but the rest
        self.heard_samples = 0  # offset, in samples, of the end of all audio received

    @property
    def open(self) -> bool:
        """Whether a segment is open."""
        return self._endpointing.open

    @property
    def given_samples(self) -> int:
        """Offset up to which all audio came out or held no speech; what follows may still be the pre-roll of an
        onset.
        """
        return self._given_samples if self.open else self.passed_samples

    @property
    def silent_until_samples(self) -> int:
        """While no segment is open: offset up to which all audio is in a segment that ended, or held no speech."""
        return self._given_samples

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
        kept = self._between(min(self._given_samples, self.passed_samples), self.heard_samples)
        self._audio = np.concatenate((kept, pcm)) if len(kept) else pcm
        self.heard_samples += len(pcm)
        waiting = self.heard_samples - self.passed_samples
        if waiting >= FRAME_SAMPLES:
            frames = self._between(self.passed_samples, self.heard_samples - waiting % FRAME_SAMPLES)
            for probability, level in zip(self._vad.probabilities(frames), levels(frames), strict=True):
                self.passed_samples += FRAME_SAMPLES
                yield from self._pass(Frame(probability, level, self.passed_samples))
        if self.open:
            yield from self._give(self._endpointing.sure_samples)

    def _pass(self, frame: Frame) -> Iterator[Gated]:
        turn = self._endpointing.hear(frame)
        if turn is Turn.NONE:
            if not self.open:
                self._given_samples = max(self._given_samples, self.passed_samples - self._pre_roll_samples)
        elif turn is Turn.ONSET:
            yield SpeechEdge(True, self.speech_start_samples)
        elif turn is Turn.ENDPOINT:
            yield from self._give(self.passed_samples)
            yield Endpoint()
            yield SpeechEdge(False, self.speech_end_samples)
        else:
            yield from self._give(self.speech_start_samples)
            yield Endpoint(split=True)

    def _give(self, end_samples: int) -> Iterator[Speech]:
        """Yield the audio kept back, up to an offset."""
        start_samples = self._given_samples
        if end_samples > start_samples:
            self._given_samples = end_samples
            yield Speech(self._between(start_samples, end_samples), start_samples)

    def _between(self, start_samples: int, end_samples: int) -> Pcm:
        first_samples = self.heard_samples - len(self._audio)
        return self._audio[start_samples - first_samples : end_samples - first_samples]

    def release(self) -> Iterator[Gated]:
        """Yield all audio of the open segment that is held back for a better place to split it."""
        if self.open:
            self._endpointing.release(self.passed_samples)
            yield from self._give(self.passed_samples)

    def close(self) -> Iterator[Gated]:
        """End the open segment at the end of the audio received; without one, nothing comes out."""
        if not self.open:
            return
        rest = list(self._give(self.heard_samples))
        self._let_go()
        yield from rest
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
        self.heard_samples = self.passed_samples = self._given_samples = offset_samples

    def _let_go(self) -> None:
        self.passed_samples = self._given_samples = self.heard_samples
        self._audio = EMPTY
