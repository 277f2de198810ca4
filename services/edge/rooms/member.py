"""A member of a room, as a transport holds it: audio, text and wishes in, messages out.

A transport reads `messages` in one task and calls the rest from another. Its methods raise InvalidArgument or Fault for
what the member may not; the member stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.common.text import languages
from services.edge.faults import Fault
from services.edge.rooms import telling
from services.edge.rooms.room import Room
from services.edge.rooms.speaker import Offer, Speaker
from services.edge.rooms.terms import read_terms
from services.edge.rooms.values import MODERATOR, SPOKEN, Sent, Wish, may
from services.edge.rooms.waiting import Waiting

ACTIONS = ("commit", "pause", "resume")


@dataclass(slots=True, eq=False)
class Member:
    """A member of a room at this edge."""

    id: str
    role: str
    wish: Wish
    room: Room
    offer: Offer
    waiting: Waiting
    speaker: Speaker | None = None  # None: the member listens only
    leaves: bool = field(default=False)  # whether it said that it leaves

    async def messages(self) -> AsyncIterator[Sent]:
        """Yield the member's messages, until it has left. Raises Fault where it has to go."""
        while (message := await self.waiting.take()) is not None:
            yield message
        if self.waiting.fault is not None:
            raise self.waiting.fault

    def put(self, message: Sent) -> None:
        """Send a message to the member."""
        self.waiting.put(message)

    def end(self, fault: Fault | None = None) -> None:
        """End the member's messages, with a fault or without; those that wait are still sent."""
        self.waiting.close(fault)

    async def hear(self, data: bytes, offset_samples: int | None = None) -> None:
        """Take in audio of the speaker, whole or half samples or one packet; wait while too much of it waits.

        `offset_samples` is its place on the session's audio clock; left out, it follows the audio before it.
        """
        speaker = self._speaking()
        start = offset_samples if offset_samples is not None else speaker.speaking.unfinished.at_samples
        await speaker.speaking.hear(data, offset_samples)
        given = speaker.speaking.unfinished.input
        if given is not None:
            piece = mesh.Original(data=data, format=given.format, sample_rate=given.sample_rate, offset_samples=start)
            self.room.sounded(self.id, piece)

    def type(self, text: str, number: int | None = None) -> None:
        """Take in typed text, one segment; `number` counts the speaker's texts from 1, and a repeat is dropped."""
        if text.strip():
            self._speaking().speaking.type(text, number)

    def control(self, action: str) -> None:
        """Carry out "commit", "pause" or "resume"."""
        if action not in ACTIONS:
            raise InvalidArgument("UNKNOWN_ACTION", "There is no such action.", "control.action", list(ACTIONS))
        self._speaking().speaking.control(pb.Control(action=action))

    def change(self, wish: Wish) -> None:
        """Get something else from now on."""
        self.room.change(self, agreed(wish, self.offer, "change"))
        if self.wish.voice and self.wish.lang != SPOKEN and not self.offer.speaks(self.wish.lang):
            self.put(telling.no_voice(self.wish.lang))

    def set_terms(self, terms: object) -> None:
        """Set the terms of the room, given as a list of objects from language to term."""
        if not may(self.role, MODERATOR):
            raise Fault(403, "ROLE_MISSING", "Only a moderator sets the terms of a room.", "role", (MODERATOR,))
        self.room.set_terms(read_terms(terms, "set_terms.terms"))

    def leave(self) -> None:
        """Leave for good. What a speaker said is worked off first, and its messages end behind that."""
        self.leaves = True
        if self.speaker is None:
            self.end()
        else:
            self.speaker.speaking.end()

    def _speaking(self) -> Speaker:
        if self.speaker is None:
            message = "This member listens: join with source_langs to speak."
            raise InvalidArgument("NOT_A_SPEAKER", message, "join.source_langs", ["languages"])
        return self.speaker


def agreed(wish: Wish, offer: Offer, message: str) -> Wish:
    """Return a message's wish with its language as the gateway names it. Raises InvalidArgument for one it has not."""
    if wish.lang == SPOKEN:
        return wish
    lang = languages.require(wish.lang, offer.langs, f"{message}.lang")
    return Wish(lang, wish.captions, wish.voice, wish.original)
