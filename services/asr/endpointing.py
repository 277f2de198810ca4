"""Where segments start and end. A pure state machine: time is samples of audio, speech is the VAD's probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from services.asr.vad import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class EndpointingRules:
    """What ends a segment. Lengths in samples."""

    trailing_silence_samples: int
    max_segment_samples: int
    onset_probability: float = 0.5
    silence_probability: float = 0.35  # below the onset's, so that a wavering frame does not break a word
    onset_frames: int = 2  # a click is shorter
    least_silence_samples: int = 2 * FRAME_SAMPLES  # what is still asked for at the longest segment
    relaxed_share: float = 0.5  # of the longest segment: from here on, less and less silence is needed


class Turn(Enum):
    """What a frame changed."""

    ONSET = "speech starts, a segment opens"
    NONE = "nothing"
    ENDPOINT = "the segment ends, and the speech with it"
    SPLIT = "the segment ends, the speech goes on"


class Endpointing:
    """Hears the probabilities of successive frames and tells where segments start and end.

    All offsets are on the session's audio clock; `speech_end_samples` is the end of the last frame that held speech.
    """

    def __init__(self, rules: EndpointingRules) -> None:
        self._rules = rules
        self._onset = 0  # successive frames of speech while no segment is open
        self._opened_samples = -1  # where the open segment's audio starts
        self.speech_start_samples = 0
        self.speech_end_samples = 0

    @property
    def open(self) -> bool:
        """Whether a segment is open."""
        return self._opened_samples >= 0

    def hear(self, probability: float, end_samples: int) -> Turn:
        """Takes the frame that ends at `end_samples`."""
        return self._inside(probability, end_samples) if self.open else self._outside(probability, end_samples)

    def close(self) -> None:
        """Ends the open segment here, for a reason other than silence; speech must start anew."""
        self._opened_samples = -1
        self._onset = 0

    def _outside(self, probability: float, end_samples: int) -> Turn:
        if probability < self._rules.onset_probability:
            self._onset = 0
            return Turn.NONE
        self._onset += 1
        if self._onset < self._rules.onset_frames:
            return Turn.NONE
        self.speech_start_samples = end_samples - self._onset * FRAME_SAMPLES
        self.speech_end_samples = end_samples
        self._opened_samples = self.speech_start_samples
        return Turn.ONSET

    def _inside(self, probability: float, end_samples: int) -> Turn:
        if probability >= self._rules.silence_probability:
            self.speech_end_samples = end_samples
        length_samples = end_samples - self._opened_samples
        silence_samples = end_samples - self.speech_end_samples
        if silence_samples >= self._needed_samples(length_samples):
            self.close()
            return Turn.ENDPOINT
        if length_samples >= self._rules.max_segment_samples:
            self._opened_samples = self.speech_start_samples = end_samples
            return Turn.SPLIT
        return Turn.NONE

    def _needed_samples(self, length_samples: int) -> int:
        """The silence that ends a segment of this length: all at first, then falling to the least at the longest."""
        rules = self._rules
        relaxed = rules.relaxed_share * rules.max_segment_samples
        left = min(1.0, (rules.max_segment_samples - length_samples) / (rules.max_segment_samples - relaxed))
        least = min(rules.least_silence_samples, rules.trailing_silence_samples)
        return least + round(max(0.0, left) * (rules.trailing_silence_samples - least))
