"""How far the work lies behind the newest audio. The one bound, in seconds, on what a session takes in.

HTTP/2 flow control is no backpressure here: transcripts are far too small to fill a window. So the session counts audio
itself and stops reading past the bound, or gives something up, as was agreed. Pure but for `room`, which waits; time is
audio samples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from services.gateway.overload import Overload, Policy


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A piece of work under way."""

    stage: str  # "MT" or "TTS"
    lang: str
    since_samples: int  # where the speech it is made from ends, on the session's audio clock


class Backlog:
    """Audio accepted from the client against audio worked off.

    The recognizer is behind by what it has not been through; a target is behind by the audio accepted since the end of
    the speech that its oldest unfinished work is made from. Work is finished when its result has been written to the
    client, so a client that does not read is behind as well.
    """

    def __init__(self, bound_samples: int, policy: Policy = Policy.BLOCK, start_samples: int = 0) -> None:
        self.accepted_samples = start_samples  # the offset up to which audio was taken in, or left out
        self.overload = Overload(policy, bound_samples)
        self._unrecognized: list[tuple[int, int]] = []  # from, to; in order, with the gaps between them
        self._tickets: list[Ticket] = []
        self._room = asyncio.Event()
        self._room.set()

    def accept(self, samples: int, end_samples: int) -> None:
        """So much audio more was taken in, up to an offset."""
        start = end_samples - samples
        if self._unrecognized and self._unrecognized[-1][1] == start:
            start, _ = self._unrecognized.pop()
        self._unrecognized.append((start, end_samples))
        self.pass_over(end_samples)

    def pass_over(self, end_samples: int) -> None:
        """The audio clock goes on up to an offset, without work."""
        self.accepted_samples = end_samples
        self._weigh()

    def recognized(self, offset_samples: int) -> None:
        """The recognizer has been through the audio clock up to an offset. It may have jumped over a gap on the way."""
        left = [(max(start, offset_samples), end) for start, end in self._unrecognized]
        self._unrecognized = [(start, end) for start, end in left if start < end]
        self._weigh()

    def begin(self, stage: str, lang: str, since_samples: int) -> Ticket:
        """A piece of work begins, on speech that ends at an offset."""
        ticket = Ticket(stage, lang, since_samples)
        self._tickets.append(ticket)
        return ticket

    def finish(self, ticket: Ticket) -> None:
        """It is over: its result was written, or it has none, or nobody waits for it. Twice is the same as once."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            self._weigh()

    def stages(self) -> Iterator[tuple[str, str, int]]:
        """Stage, language and how many samples it is behind, for every stage with work waiting."""
        if self._unrecognized:
            yield "ASR", "", sum(end - start for start, end in self._unrecognized)
        oldest: dict[tuple[str, str], int] = {}
        for ticket in self._tickets:  # in the order they began
            oldest.setdefault((ticket.stage, ticket.lang), ticket.since_samples)
        for (stage, lang), since in oldest.items():
            yield stage, lang, self.accepted_samples - since

    @property
    def held(self) -> bool:
        """Whether no more audio may be taken in for now: past the bound, until half of it is worked off."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Waits until audio may be taken in."""
        await self._room.wait()

    def _weigh(self) -> None:
        behind = list(self.stages())
        self.overload.weigh(max((samples for _, _, samples in behind), default=0), self.accepted_samples)
        holding = max((samples for stage, _, samples in behind if self.overload.holds(stage)), default=0)
        if holding > self.overload.bound_samples:
            self._room.clear()
        elif holding <= self.overload.bound_samples // 2:
            self._room.set()
