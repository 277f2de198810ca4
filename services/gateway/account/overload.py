"""How far the work lies behind the newest audio. The one bound, in seconds, on what a session takes in.

HTTP/2 flow control is no backpressure here: transcripts are far too small to fill a window. So the session counts audio
itself and stops reading past the bound, or gives something up, as was agreed. Time is audio samples.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from services.common.audio.pcm import ASR_RATE
from services.common.channel import Changes
from services.gateway.values.speech import Audio
from services.gateway.values.terms import OverloadPolicy

_HOLDING: dict[OverloadPolicy, tuple[str, ...]] = {
    OverloadPolicy.BLOCK: ("ASR", "MT", "TTS"),
    OverloadPolicy.CAPTIONS_ONLY: ("ASR",),  # without a transcript there are no captions either
    OverloadPolicy.SKIP_AHEAD: (),
}
LEFT = 0.5  # of that share: a level that is left at once would be entered again at once
LEAST_SAMPLES = ASR_RATE  # of audio that a level lasts, before the one below it


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


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A piece of work under way, at a stage and for a language."""

    stage: str  # "MT" or "TTS"
    lang: str
    since_samples: int  # where the speech it is made from ends, on the session's audio clock


class Backlog:
    """Audio accepted from the client against audio worked off.

    The recognizer is behind by what it has not been through; a target is behind by the audio accepted since the end of
    the speech that its oldest unfinished work is made from. Work is finished when its result has been written to the
    client, so a client that does not read is behind as well.
    """

    def __init__(
        self, bound_samples: int, policy: OverloadPolicy = OverloadPolicy.BLOCK, start_samples: int = 0
    ) -> None:
        self.accepted_samples = start_samples  # the offset up to which audio was taken in, or left out
        self.overload = Overload(policy, bound_samples)
        self.skipped = Skipped()
        self._unrecognized: deque[tuple[int, int]] = deque()  # from, to; in order, with the gaps between them
        self._tickets: dict[Ticket, None] = {}  # in the order they began
        self._since_samples = start_samples  # no ticket has an earlier one
        self.held = False  # no more audio may be taken in for now: past the bound, until half of it is worked off
        self._room = Changes()

    def accept(self, samples: int, end_samples: int) -> None:
        """Count audio that was taken in, up to an offset."""
        start = end_samples - samples
        if self._unrecognized and self._unrecognized[-1][1] == start:
            start, _ = self._unrecognized.pop()
        self._unrecognized.append((start, end_samples))
        self.accepted_samples = end_samples
        self._weigh()

    def skip(self, audio: Audio) -> None:
        """Leave audio out: the clock goes on, without work."""
        self.skipped.add(audio)
        self.accepted_samples = audio.end_samples
        self._weigh()

    def recognized(self, offset_samples: int) -> None:
        """Record that the recognizer has been through the audio clock up to an offset, gaps included."""
        while self._unrecognized and self._unrecognized[0][0] < offset_samples:
            _, end = self._unrecognized.popleft()
            if end > offset_samples:
                self._unrecognized.appendleft((offset_samples, end))
        self._weigh()

    def begin(self, stage: str, lang: str, since_samples: int) -> Ticket:
        """Begin a piece of work, on speech that ends at an offset."""
        ticket = Ticket(stage, lang, since_samples)
        self._tickets[ticket] = None
        self._since_samples = min(self._since_samples, since_samples)
        return ticket

    def close(self, ticket: Ticket) -> None:
        """Close a piece of work: its result was written, or there is none. Closing twice is the same as once."""
        if ticket in self._tickets:
            del self._tickets[ticket]
            self._weigh()

    def stages(self) -> list[tuple[str, str, int]]:
        """Stage, language and how many samples it is behind, for every stage with work waiting."""
        behind: dict[tuple[str, str], int] = {}
        for start, end in list(self._unrecognized):
            behind["ASR", ""] = behind.get(("ASR", ""), 0) + end - start
        for ticket in list(self._tickets):  # in the order they began: of a stage and language the oldest counts
            behind.setdefault((ticket.stage, ticket.lang), self.accepted_samples - ticket.since_samples)
        return [(*where, samples) for where, samples in behind.items()]

    async def room(self) -> None:
        """Wait until audio may be taken in."""
        while self.held:
            await self._room.wait()

    def _weigh(self) -> None:
        """Let something give way, or hold the audio, where the work lies too far behind.

        Usually all of it is so new that neither can be, and stages need not be told apart.
        """
        overload, half = self.overload, self.overload.bound_samples // 2
        first = self._unrecognized[0][0] if self._unrecognized else self.accepted_samples
        if not self._tickets:
            self._since_samples = self.accepted_samples
        if overload.level is Level.ALL and self.accepted_samples - min(first, self._since_samples) <= half:
            if self.held:
                self._let_in()
            return
        self._since_samples = min((each.since_samples for each in self._tickets), default=self.accepted_samples)
        stages, holding, most = self.stages(), 0, 0
        for _, _, samples in stages:
            most = max(most, samples)
        overload.weigh(most, self.accepted_samples)
        for stage, _, samples in stages:
            if overload.holds(stage):
                holding = max(holding, samples)
        if holding > overload.bound_samples:
            self.held = True
        elif holding <= half:
            self._let_in()

    def _let_in(self) -> None:
        self.held = False
        self._room.tell()


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
