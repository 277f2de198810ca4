"""Finds where segments start and end, as a pure state machine: time is samples, speech is the VAD's probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from services.asr.pauses import Pauses
from services.asr.silero import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class EndpointingRules:
    """The rules by which a segment ends. Lengths are in samples, probabilities are the VAD's, 0 to 1."""

    trailing_silence_samples: int  # at most asked for
    max_segment_samples: int
    least_silence_samples: int  # asked for even of a speaker who hardly pauses, while the segment is short
    onset_probability: float = 0.5
    silence_probability: float = 0.35  # below the onset's, so that a wavering frame does not break a word
    onset_frames: int = 2  # a click is shorter
    limit_silence_samples: int = 2 * FRAME_SAMPLES  # what is still asked for at the longest segment
    relaxed_share: float = 0.5  # of the longest segment: from here on, less and less silence is needed
    last_samples: int = 16_000  # the stretch of the longest segment in which a split may fall, at most a tenth of it


@dataclass(frozen=True, slots=True)
class Frame:
    """The VAD's findings on one frame of FRAME_SAMPLES samples: speech probability, level and end offset."""

    probability: float  # that it holds speech
    level: float  # how loud it is; any scale
    end_samples: int


class Turn(Enum):
    """The effect of a frame on the open segment: it starts, goes on, ends, or is split."""

    ONSET = "speech starts, a segment opens"
    NONE = "nothing"
    ENDPOINT = "the segment ends, and the speech with it"
    SPLIT = "the segment ended before `speech_start_samples`, where the next one starts; the speech goes on"


class Endpointing:
    """A state machine that receives successive frames and reports where segments start and end.

    The silence that ends a segment follows the speaker's own pauses, between the rules' least and most, and falls as
    the segment nears the longest. One that gets there is split at its weak point, the faintest place of its last
    stretch. All offsets are on the session's audio clock; `speech_end_samples` is the end of the last frame that held
    speech.
    """

    def __init__(self, rules: EndpointingRules) -> None:
        self._rules = rules
        self._pauses = Pauses.of_a_stranger(rules.trailing_silence_samples)
        self._onset = 0  # successive frames of speech while no segment is open
        self._opened_samples = -1  # where the open segment's speech starts
        self._weak = WeakPoint()
        self.speech_start_samples = 0
        self.speech_end_samples = 0

    @property
    def open(self) -> bool:
        """Whether a segment is open, that is, whether the last frames held speech that has not ended."""
        return self._opened_samples >= 0

    @property
    def sure_samples(self) -> int:
        """Offset up to which audio is sure to stay in the open segment; a split may still give what follows to the next
        one.
        """
        return self._weak.offset_samples

    def hear(self, frame: Frame) -> Turn:
        """Add the next frame, and return how it changed the open segment."""
        return self._inside(frame) if self.open else self._outside(frame)

    def close(self) -> None:
        """End the open segment here, for a reason other than silence; the next segment needs a new onset."""
        self._opened_samples = -1
        self._onset = 0

    def release(self, end_samples: int) -> None:
        """Assign all audio received so far to the open segment: a later split falls behind it."""
        self._weak = WeakPoint(end_samples)

    def _outside(self, frame: Frame) -> Turn:
        if frame.probability < self._rules.onset_probability:
            self._onset = 0
            return Turn.NONE
        self._onset += 1
        if self._onset < self._rules.onset_frames:
            return Turn.NONE
        self._open(frame.end_samples - self._onset * FRAME_SAMPLES)
        if self.speech_end_samples:
            self._hear_pause(self.speech_start_samples - self.speech_end_samples)
        self.speech_end_samples = frame.end_samples
        self.release(frame.end_samples)
        return Turn.ONSET

    def _inside(self, frame: Frame) -> Turn:
        if frame.probability >= self._rules.silence_probability:
            self._hear_pause(frame.end_samples - FRAME_SAMPLES - self.speech_end_samples)
            self.speech_end_samples = frame.end_samples
        length_samples = frame.end_samples - self._opened_samples
        longest = self._rules.max_segment_samples
        if length_samples <= longest - min(self._rules.last_samples, longest // 10):
            self.release(frame.end_samples)
        else:
            self._weak.hear(frame)
        if frame.end_samples - self.speech_end_samples >= self._needed_samples(length_samples):
            self.close()
            return Turn.ENDPOINT
        if length_samples + FRAME_SAMPLES > longest:
            self._open(self.sure_samples)
            self.release(frame.end_samples)
            return Turn.SPLIT
        return Turn.NONE

    def _open(self, start_samples: int) -> None:
        self._opened_samples = self.speech_start_samples = start_samples

    def _hear_pause(self, pause_samples: int) -> None:
        """Record a pause within a segment or between two: a pause that ended a segment too early makes the next wait
        longer.
        """
        if pause_samples <= self._rules.trailing_silence_samples:
            self._pauses = self._pauses.hear(pause_samples)

    def _needed_samples(self, length_samples: int) -> int:
        """Return the trailing silence, in samples, that ends a segment of this length."""
        rules = self._rules
        most = rules.trailing_silence_samples
        asked = max(min(rules.least_silence_samples, most), min(most, self._pauses.longest_samples))
        relaxed = rules.relaxed_share * rules.max_segment_samples
        left = min(1.0, (rules.max_segment_samples - length_samples) / (rules.max_segment_samples - relaxed))
        limit = min(rules.limit_silence_samples, asked)
        return limit + round(max(0.0, left) * (asked - limit))


class WeakPoint:
    """Finds the best place for a split among the frames received: the faintest, and among equally faint ones the
    latest.

    Before any frame is received, the place is where the object was made.
    """

    def __init__(self, offset_samples: int = 0) -> None:
        self.offset_samples = offset_samples
        self._faintest = math.inf
        self._before: Frame | None = None

    def hear(self, frame: Frame) -> None:
        """Add the next frame. A place is judged by the frames on both sides, since the closure of a stop consonant is
        shorter.
        """
        if self._before is not None and (level := self._before.level + frame.level) <= self._faintest:
            self._faintest = level
            self.offset_samples = self._before.end_samples
        self._before = frame
