"""A room, as one edge has it: who is told what, and which languages its speakers are translated into.

What speakers of this edge say goes to the members here, and to the other edges of the room by its link; what comes
over the link goes to the members here. Nobody waits for anybody: what a member does not read waits for it alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.rooms import captions, telling
from services.edge.rooms.demand import CAPTIONS, ORIGINAL, VOICE, Demand, Want
from services.edge.rooms.listeners import Listeners, Listening
from services.edge.rooms.record import CAPTION, Heard, Record, beyond, newer
from services.edge.rooms.speaker import Speaker
from services.edge.rooms.terms import glossary
from services.edge.rooms.values import SPOKEN, Event, Sent, Wish, sent
from services.edge.settings import EdgeSettings

_STEP_SECONDS = 0.5  # between two changes of targets: the gateway takes two a second
_TOLD_SECONDS = 10.0  # how often the minutes of a language are told anew
OWN = ""  # this edge, among those that want something


class Link(Protocol):
    """The way to the other edges of a room."""

    @property
    def others(self) -> bool:
        """Whether the room has members at other edges."""

    def publish(self, post: mesh.Post) -> None:
        """Send a message to the other edges: now, or once they can be reached."""

    def acknowledge(self, then: Callable[[], None]) -> None:
        """Call a function once the other edges have what was published before."""

    def wants(self, wants: Mapping[str, Want], members: int) -> None:
        """Tell the other edges what is wanted here."""


class Room:
    """A room at this edge."""

    def __init__(self, settings: EdgeSettings, edge: str = "") -> None:
        self.edge = edge  # the name of this process among edges
        self.records: dict[str, Record] = {}
        self.speakers: dict[str, Speaker] = {}  # whose sessions this edge holds
        self.listeners = Listeners()
        self.demand = Demand(settings.rooms_hold_seconds)
        self.terms = mesh.Terms()
        self.link: Link | None = None
        self._settings = settings
        self._changed = asyncio.Event()
        self._told: Event = {}

    # members

    def enter(self, member: Listening, received: Mapping[str, int]) -> None:
        """Add a member, and send it what was said before: behind what it has received, or of the last minutes."""
        self.listeners.enter(member)
        member.put(sent(self.state()))
        self._catch_up(member, received)
        self._wanted()

    def leave(self, member: Listening) -> None:
        """Remove a member."""
        self.listeners.leave(member)
        self._wanted()

    def change(self, member: Listening, wish: Wish) -> None:
        """Have a member get something else from now on; of another language, what was said in it before."""
        before = member.wish
        self.listeners.leave(member)
        member.wish = wish
        self.listeners.enter(member)
        member.put(sent({"type": "changed", **telling.wish(wish)}))
        if wish.captions and (wish.lang != before.lang or not before.captions):
            self._catch_up(member, {})
        self._wanted()

    def _catch_up(self, member: Listening, received: Mapping[str, int]) -> None:
        since_ms = round(1000 * (time.time() - self._settings.rooms_history_seconds))
        for record in self.records.values():
            known = received.get(record.speaker)
            if member.wish.captions:
                for message in record.history(member.wish.lang, known or 0, since_ms if known is None else 0):
                    member.put(message)
            if code := record.state.missing.get(member.wish.lang):
                member.put(telling.no_captions(record.speaker, member.wish.lang, code))
        member.put(sent({"type": "caught_up", **telling.wish(member.wish)}))

    def _wanted(self) -> None:
        wants = self.listeners.wants()
        if self.demand.tell(OWN, wants, time.monotonic()) and self.link is not None:
            self.link.wants(wants, len(self.listeners))
        self._changed.set()

    # what speakers of this edge say

    def seat(self, speaker: Speaker) -> None:
        """Hold a speaker whose session is open, in the place of one with the same id."""
        before = self.speakers.get(speaker.id)
        self.speakers[speaker.id] = speaker
        if not self.record(speaker.id).state.version:
            self.records[speaker.id] = speaker.record
        if before is not None and before is not speaker:
            before.supersede()
        self._changed.set()

    def said(self, speaker: str, message: pb.ServerMessage) -> None:
        """Take in a message of a session of this edge, and tell other edges."""
        self._publish(mesh.Post(speaker=speaker, said=message.SerializeToString()))
        self._take(self.record(speaker), message)

    def changed(self, speaker: str, state: mesh.Speaker) -> None:
        """Take in the state of a speaker of this edge, and tell other edges."""
        self._publish(mesh.Post(speaker=speaker, state=state))
        self._know(speaker, state)

    def again(self) -> None:
        """Have the speakers aimed anew: what was asked of the gateway is not in force."""
        self._changed.set()

    def tell(self, speaker: str, event: Event) -> None:
        """Send an event to a speaker alone."""
        if (found := self.speakers.get(speaker)) is not None:
            found.tell(event)

    def acknowledge(self, speaker: str, event: Event) -> None:
        """Send an acknowledgement to a speaker, once other edges have what is before it."""
        if self.link is None:
            self.tell(speaker, event)
        else:
            self.link.acknowledge(lambda: self.tell(speaker, event))

    def sounded(self, speaker: str, original: mesh.Original) -> None:
        """Take in a piece of the own audio of a speaker of this edge; other edges get it where it is heard there."""
        if any(want.original for edge, wants in self.demand.edges.items() if edge != OWN for want in wants.values()):
            self._publish(mesh.Post(speaker=speaker, original=original))
        self._sound(speaker, original)

    def set_terms(self, terms: Iterable[Mapping[str, str]]) -> None:
        """Set the terms of the room, and tell other edges."""
        told = mesh.Terms(terms=[mesh.Term(by_lang=each) for each in terms], version=self.terms.version + 1)
        self._publish(mesh.Post(terms=told))
        self._use(told)

    def _publish(self, post: mesh.Post) -> None:
        if self.link is not None:
            self.link.publish(post)

    # what is known, here and by other edges

    def heard(self, post: mesh.Post) -> None:
        """Take in a message of another edge."""
        match post.WhichOneof("content"):
            case "said":
                self._take(self.record(post.speaker), pb.ServerMessage.FromString(post.said))
            case "state":
                self._know(post.speaker, post.state)
            case "original":
                self._sound(post.speaker, post.original)
            case "terms":
                self._use(post.terms)

    def wanted_elsewhere(self, edge: str, wants: Mapping[str, Want] | None) -> None:
        """Take in what the members at another edge want; None where it is lost, or has none any more."""
        now = time.monotonic()
        if self.demand.gone(edge, now) if wants is None else self.demand.tell(edge, wants, now):
            self._changed.set()

    def lost(self, edge: str) -> None:
        """Take in that another edge is lost, and with it the sessions of its speakers, who may come back elsewhere."""
        self.wanted_elsewhere(edge, None)
        for record in self.records.values():
            if record.state.edge == edge and record.state.state == mesh.SPEAKER_STATE_PRESENT:
                record.state.state = mesh.SPEAKER_STATE_LOST
        self._changed.set()

    def posts(self) -> Iterable[mesh.Post]:
        """Yield messages that make the same room at another edge."""
        for record in self.records.values():
            yield mesh.Post(speaker=record.speaker, state=record.state)
            for message in record.messages():
                yield mesh.Post(speaker=record.speaker, said=message.SerializeToString())
        if self.terms.version:
            yield mesh.Post(terms=self.terms)

    def record(self, speaker: str) -> Record:
        """Return the record of a speaker, a new one where it is not known."""
        if speaker not in self.records:
            for each in beyond(self.records.values()):
                del self.records[each.speaker]
            self.records[speaker] = Record(speaker, self._settings.rooms_most_segments)
        return self.records[speaker]

    def forget(self, speaker: str) -> None:
        """Drop the record of a speaker whose session was never open."""
        if (record := self.records.get(speaker)) is not None and not record.state.version:
            del self.records[speaker]

    def _know(self, speaker: str, state: mesh.Speaker) -> None:
        record = self.record(speaker)
        session = record.state.session_id
        if state.version <= record.state.version or (session and session != state.session_id):
            return
        gone = state.state != mesh.SPEAKER_STATE_PRESENT
        if gone and speaker in self.speakers and record.state.edge == self.edge != state.edge:
            self.changed(speaker, newer(record.state, state.version))  # it went on here before it was missed there
            return
        before = dict(record.state.missing)
        record.state = state
        if state.edge not in ("", self.edge) and (ours := self.speakers.pop(speaker, None)) is not None:
            ours.supersede()  # the speaker goes on at another edge
        for lang in {*before, *state.missing}:
            if before.get(lang, "") != state.missing.get(lang, ""):
                message = telling.no_captions(speaker, lang, state.missing.get(lang, ""))
                _send(message, self.listeners.wanting(CAPTIONS, lang))
        self._changed.set()

    def _use(self, terms: mesh.Terms) -> None:
        if terms.version > self.terms.version:
            self.terms = terms
            self._changed.set()

    def _take(self, record: Record, message: pb.ServerMessage) -> None:
        for heard in record.take(message):
            self._spread(record, heard)

    def _spread(self, record: Record, heard: Heard) -> None:
        if heard.kind != CAPTION:
            hearing = self.listeners.wanting(VOICE, heard.lang)
            _send(heard.sent, (each for each in hearing if each.id != record.speaker))
            return
        if heard.lang != SPOKEN and record.speaks(heard.lang):
            return
        _send(heard.sent, self.listeners.wanting(CAPTIONS, heard.lang))
        if heard.lang == SPOKEN:
            self._spread_spoken(record, heard.sent)

    def _spread_spoken(self, record: Record, message: Sent) -> None:
        """Send a speaker's own words to those who read its language, and to the speaker."""
        own = next(iter(record.state.source_langs), "")
        for lang in self.demand.edges.get(OWN, {}):
            if lang != SPOKEN and own and record.speaks(lang):
                _send(message, self.listeners.wanting(CAPTIONS, lang))
        member = self.speakers[record.speaker].member if record.speaker in self.speakers else None
        if member is not None and not (member.wish.captions and record.speaks(member.wish.lang)):
            member.put(message)

    def _sound(self, speaker: str, piece: mesh.Original) -> None:
        hearing = [each for each in self.listeners.wanting(ORIGINAL, "") if each.id != speaker]
        if hearing:
            offset = piece.offset_samples
            _send(captions.original(speaker, piece.data, piece.format, piece.sample_rate, offset), hearing)

    # what has to be done beside

    async def tend(self) -> None:
        """Have speakers translated into what is wanted, and tell members of changes, for as long as it runs."""
        while True:
            self._changed.clear()
            self.aim()
            state = self.state()
            if state != self._told:
                self._told = state
                _send(sent(state), self.listeners.all())
            await asyncio.sleep(_STEP_SECONDS)
            wait = self.demand.expires_in(time.monotonic())
            try:
                async with asyncio.timeout(_TOLD_SECONDS if wait is None else min(wait, _TOLD_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def aim(self) -> None:
        """Have the speakers of this edge translated into what is wanted."""
        needed = self.demand.needed(time.monotonic())
        for speaker in self.speakers.values():
            speaker.aim(needed, self._settings.rooms_max_langs)
            if speaker.terms != self.terms.version:
                speaker.terms = self.terms.version
                speaker.use(glossary(self.terms, speaker.record.state.source_langs))

    def state(self) -> Event:
        """Return what all members are told of the room."""
        return telling.room(self.records.values(), self.demand, self.terms)


def _send(message: Sent, members: Iterable[Listening]) -> None:
    for member in members:
        member.put(message)
