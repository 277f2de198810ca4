"""What gives way while the work lies too far behind the newest audio, and audio that is left out. Time is samples."""

from __future__ import annotations

from enum import IntEnum

from services.common.audio.pcm import ASR_RATE
from services.gateway.values.speech import Audio
from services.gateway.values.terms import OverloadPolicy

_HOLDING: dict[OverloadPolicy, tuple[str, ...]] = {
    OverloadPolicy.BLOCK: ("ASR", "MT", "TTS"),
    OverloadPolicy.CAPTIONS_ONLY: ("ASR",),  # without a transcript there are no captions either
    OverloadPolicy.SKIP_AHEAD: (),
}
LEFT = 0.5  # of that share: a level that is left at once would be entered again at once
LEAST_SAMPLES = ASR_RATE  # of audio that a level lasts, before the one below it


class Level(IntEnum):
    """What has given way; each level includes those before it."""

    ALL = 0
    NO_INTERIM = 1
    NO_SPEECH = 2
    SKIPPING = 3


_FURTHEST = {
    OverloadPolicy.BLOCK: Level.ALL,
    OverloadPolicy.CAPTIONS_ONLY: Level.NO_SPEECH,
    OverloadPolicy.SKIP_AHEAD: Level.SKIPPING,
}
_SPARED = {Level.NO_INTERIM: "MT", Level.NO_SPEECH: "TTS", Level.SKIPPING: "ASR"}
ENTERED = {Level.NO_INTERIM: 0.5, Level.NO_SPEECH: 0.75, Level.SKIPPING: 1.0}  # shares of the largest backlog


class Overload:
    """The level of one session. Without a live speaker nothing gives way: a recording can wait."""

    def __init__(self, policy: OverloadPolicy, bound_samples: int) -> None:
        self.level = Level.ALL
        self.live = True
        self.bound_samples = bound_samples
        self._policy = policy
        self._since_samples = 0
        self.told = Level.ALL  # the level that the client knows of

    def holds(self, stage: str) -> bool:
        """Whether audio is held while a stage is too far behind."""
        return stage in _HOLDING[self._policy if self.live else OverloadPolicy.BLOCK]

    def weigh(self, behind_samples: int, now_samples: int) -> None:
        """Choose the level for work that lies so far behind, at an offset of the audio clock."""
        behind = behind_samples / self.bound_samples if self.live else 0.0
        reached = Level.ALL
        for level, share in ENTERED.items():  # in order
            if behind > share:
                reached = level
        wanted = min(reached, _FURTHEST[self._policy])
        if wanted > self.level:
            self.level, self._since_samples = wanted, now_samples
        elif self.level and self._is_over(behind, now_samples):
            self.level, self._since_samples = Level(self.level - 1), now_samples

    def _is_over(self, behind: float, now_samples: int) -> bool:
        if now_samples - self._since_samples < LEAST_SAMPLES:
            return False
        return behind <= LEFT * ENTERED[self.level]

    @property
    def changed(self) -> bool:
        """Whether the level is another than the client was told."""
        return self.level is not self.told

    def news(self) -> list[tuple[str, bool]]:
        """The stages spared since this was asked last, False, and those that are not spared any more, True."""
        before, self.told = self.told, self.level
        begun = [(_SPARED[level], False) for level in _SPARED if before < level <= self.level]
        over = [(_SPARED[level], True) for level in reversed(_SPARED) if self.level < level <= before]
        return begun + over


class Skipped:
    """Audio that is left out in a row, until the client is told of it."""

    def __init__(self) -> None:
        self.samples = 0  # that the client has not been told of
        self._from_samples = 0

    def add(self, audio: Audio) -> None:
        """Count audio that is left out; it follows what was added before."""
        if not self.samples:
            self._from_samples = audio.offset_samples
        self.samples = audio.end_samples - self._from_samples

    def take(self) -> list[tuple[int, int]]:
        """Return the stretch that has not been told, which then counts as told; nothing when there is none."""
        if not self.samples:
            return []
        stretch = (self._from_samples, self._from_samples + self.samples)
        self.samples = 0
        return [stretch]
