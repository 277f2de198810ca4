"""What gives way, and when, while the mesh cannot keep up with a live speaker. Pure: time is audio samples.

In this order, as far as the session's policy allows: interim translations, speech, audio. The backlog decides; what was
given up comes back one thing at a time, once the backlog is well below where it went.
"""

from __future__ import annotations

from enum import IntEnum

from services.common.audio.pcm import ASR_RATE


class Policy(IntEnum):
    """What was agreed; as the contract numbers it."""

    BLOCK = 1  # nothing gives way: the stream is held
    CAPTIONS_ONLY = 2  # speech
    SKIP_AHEAD = 3  # and then audio


class Level(IntEnum):
    """What has given way; each level includes those before it."""

    ALL = 0
    NO_INTERIM = 1
    NO_SPEECH = 2
    SKIPPING = 3


_FURTHEST = {Policy.BLOCK: Level.ALL, Policy.CAPTIONS_ONLY: Level.NO_SPEECH, Policy.SKIP_AHEAD: Level.SKIPPING}
_HOLDING: dict[Policy, tuple[str, ...]] = {
    Policy.BLOCK: ("ASR", "MT", "TTS"),
    Policy.CAPTIONS_ONLY: ("ASR",),  # without a transcript there are no captions either
    Policy.SKIP_AHEAD: (),
}
_SPARED = {Level.NO_INTERIM: "MT", Level.NO_SPEECH: "TTS", Level.SKIPPING: "ASR"}

ENTERED = {Level.NO_INTERIM: 0.5, Level.NO_SPEECH: 0.75, Level.SKIPPING: 1.0}  # shares of the largest backlog
LEFT = 0.5  # of that share: a level that is left at once would be entered again at once
LEAST_SAMPLES = ASR_RATE  # of audio that a level lasts, before the one below it


class Overload:
    """The level of one session. Without a live speaker nothing gives way: a recording can wait."""

    def __init__(self, policy: Policy, bound_samples: int) -> None:
        self.level = Level.ALL
        self.live = True
        self.bound_samples = bound_samples
        self._policy = policy
        self._since_samples = 0
        self._told = Level.ALL

    def holds(self, stage: str) -> bool:
        """Whether audio is held while a stage is too far behind."""
        return stage in _HOLDING[self._policy if self.live else Policy.BLOCK]

    @property
    def skipping(self) -> bool:
        """Whether audio is left out."""
        return self.live and self.level is Level.SKIPPING

    def weigh(self, behind_samples: int, now_samples: int) -> None:
        """The work lies so far behind, at an offset of the audio clock."""
        behind = behind_samples / self.bound_samples if self.live else 0.0
        reached = max((level for level, share in ENTERED.items() if behind > share), default=Level.ALL)
        wanted = min(reached, _FURTHEST[self._policy])
        if wanted > self.level:
            self.level, self._since_samples = wanted, now_samples
        elif self._is_over(behind, now_samples):
            self.level, self._since_samples = Level(self.level - 1), now_samples

    def _is_over(self, behind: float, now_samples: int) -> bool:
        if self.level is Level.ALL or now_samples - self._since_samples < LEAST_SAMPLES:
            return False
        return behind <= LEFT * ENTERED[self.level]

    @property
    def changed(self) -> bool:
        """Whether there is news."""
        return self.level is not self._told

    def news(self) -> list[tuple[str, bool]]:
        """The stages spared since this was asked last, False, and those that are not spared any more, True."""
        before, self._told = self._told, self.level
        begun = [(_SPARED[level], False) for level in _SPARED if before < level <= self.level]
        over = [(_SPARED[level], True) for level in reversed(_SPARED) if self.level < level <= before]
        return begun + over
