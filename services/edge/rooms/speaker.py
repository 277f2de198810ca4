"""A speaker's place in a room, at the edge that holds its session: what it says goes to the room, and what the room
wants of it to the gateway.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.text.languages import resolve, same
from services.edge import measures
from services.edge.faults import Fault, gateway_fault_told
from services.edge.plain import plain
from services.edge.rooms.faults import in_room
from services.edge.rooms.listeners import Listening
from services.edge.rooms.record import Record, newer, speaks
from services.edge.rooms.speaking import Speaking
from services.edge.rooms.values import Event, sent

TOO_OFTEN = "CONTROL_TOO_OFTEN"  # of the gateway
NOT_TRANSLATED, TOO_MANY_LANGUAGES = "NOT_TRANSLATED", "TOO_MANY_LANGUAGES"
_SHOWN = ("asr", "translation", "tts", "speech_event")  # what the room gets
_SUPERSEDED = Fault(409, "SUPERSEDED", "The speaker goes on in another connection.")
_TARGET = re.compile(r"targets\[(\d+)\]")


class Place(Protocol):
    """The room, as a speaker sees it."""

    edge: str  # the name of this process among edges

    def seat(self, speaker: Speaker) -> None:
        """Hold a speaker whose session is open, in the place of one with the same id."""

    def said(self, speaker: str, message: pb.ServerMessage) -> None:
        """Take in a message of the speaker's session, and tell other edges."""

    def changed(self, speaker: str, state: mesh.Speaker) -> None:
        """Take in the speaker's state, and tell other edges."""

    def again(self) -> None:
        """Have the speakers aimed anew."""

    def tell(self, speaker: str, event: Event) -> None:
        """Send an event to the speaker alone."""

    def acknowledge(self, speaker: str, event: Event) -> None:
        """Send an acknowledgement to the speaker, once other edges have what is before it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the gateway offers, as far as rooms choose from it."""

    sources: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    voices: frozenset[str]  # languages
    max_targets: int

    @property
    def langs(self) -> list[str]:
        """The languages that members may ask for."""
        return sorted({*self.sources, *(to for _, to in self.pairs)})

    def translates(self, sources: Sequence[str], lang: str) -> bool:
        """Return whether one of several languages is translated into another one."""
        known = {source for source, to in self.pairs if to == lang}
        return "auto" in sources or any(resolve(each, known) for each in sources if not same(each, lang))

    def speaks(self, lang: str) -> bool:
        """Return whether there is a voice for a language."""
        return any(same(each, lang) for each in self.voices)


def offered(described: pb.DescribeResponse) -> Offer:
    """Return what a gateway offers."""
    return Offer(
        tuple(described.source_langs),
        frozenset((each.source_lang, each.target_lang) for each in described.pairs),
        frozenset(each.lang for each in described.voices),
        described.limits.max_targets,
    )


@dataclass(slots=True, eq=False)
class Speaker:
    """A speaker whose session this edge holds."""

    record: Record
    speaking: Speaking
    place: Place
    offer: Offer
    name: str = ""  # to show
    terms: int = 0  # the version of the room's terms that are in use
    member: Listening | None = None  # who speaks: told what concerns the session, once that is open
    targets: tuple[tuple[str, bool], ...] = ()  # languages in force, and whether each is spoken
    refused: dict[str, str] = field(default_factory=dict)  # languages that the gateway refused, and why
    counted_at: float = 0.0  # until when language-minutes are counted
    _prepare: Callable[[], None] = lambda: None

    @property
    def id(self) -> str:
        """The speaker's id in its room."""
        return self.record.speaker

    def tell(self, event: Event) -> None:
        """Send an event to whoever speaks."""
        if self.member is not None:
            self.member.put(sent(event))

    def supersede(self) -> None:
        """End this place in the room: the speaker goes on in another connection."""
        self.speaking.give_up()
        if self.member is not None:
            self.member.end(_SUPERSEDED)

    def opened(self, ready: pb.Ready) -> None:
        """Take in what was agreed with the gateway."""
        known = self.record.state.session_id
        if known and known != ready.session_id:  # whoever has no handle of the speaker's session is somebody else
            self.speaking.give_up()
            return
        self.place.seat(self)
        state = self._state()
        state.session_id = ready.session_id
        state.state, state.name, state.edge = mesh.SPEAKER_STATE_PRESENT, self.name, self.place.edge
        del state.source_langs[:]
        state.source_langs.extend(ready.config.source_langs or [ready.config.source_lang])
        self.place.changed(self.id, state)
        self.counted_at = time.monotonic()
        event: dict[str, object] = {
            "type": "ready",
            "speaker": self.id,
            "source_langs": list(state.source_langs),
            "resume_handle": ready.resume_handle,
            "limits": plain(ready.limits),
        }
        if ready.HasField("resume_offset_ms"):
            event["resume_offset_ms"] = ready.resume_offset_ms
            event["texts"] = self.record.typed
        self.place.tell(self.id, event)

    def said(self, message: pb.ServerMessage) -> None:
        """Take in a message of the gateway."""
        kind = message.WhichOneof("payload")
        if kind in _SHOWN or (kind == "flow" and message.flow.degraded):
            if kind == "asr":
                message.asr.ClearField("words")
                self._begin()
            self.place.said(self.id, message)
        elif kind == "ack":
            self.place.acknowledge(self.id, self._ack(message.ack))
        elif kind == "error":
            self._error(message.error)

    def received(self, clock_ms: int) -> pb.Received | None:
        """Return what the session's next call is to be told of what the room has."""
        if self.record.state.began_ms:
            clock_ms = max(0, round(time.time() * 1000) - self.record.state.began_ms)
        return self.record.received(clock_ms)

    def aim(self, needed: Mapping[str, bool], most: int) -> None:
        """Have the speaker translated into the languages that are needed, and no others."""
        wanted, missing = self._choose(self.record.state.source_langs, needed, most)
        self._count()
        if missing != dict(self.record.state.missing):
            state = self._state()
            state.missing.clear()
            state.missing.update(missing)
            self.place.changed(self.id, state)
        if tuple(wanted.items()) != self.targets:
            self.targets = tuple(wanted.items())
            control = pb.Control(action="set_target_lang", targets=targets(self.targets, self._own))
            self.speaking.control(control)

    def prepare(self, sources: Sequence[str], needed: Mapping[str, bool], most: int) -> None:
        """Have the session begin with the languages that are needed."""
        self._prepare = lambda: self.prepare(sources, needed, most)
        wanted, _ = self._choose(sources, needed, most)
        self.targets = tuple(wanted.items())
        own = self.offer.sources[0] if sources[0] == "auto" else sources[0]
        del self.speaking.config.targets[:]
        self.speaking.config.targets.extend(targets(self.targets, own))

    def refuses(self, fault: Fault) -> bool:
        """Take in why a session was refused; return whether it is to be asked for without what is at fault."""
        if "glossary" in fault.field and self.speaking.config.glossary.terms:
            self.speaking.config.ClearField("glossary")  # who may not bring terms speaks without those of the room
            self.tell({**in_room(fault).event(), "fatal": False})
            return True
        found = _TARGET.search(fault.field)
        if not found or int(found[1]) >= len(self.targets):
            return False
        self.refused[self.targets[int(found[1])][0]] = fault.code
        self._prepare()
        return True

    def _choose(
        self, sources: Sequence[str], needed: Mapping[str, bool], most: int
    ) -> tuple[dict[str, bool], dict[str, str]]:
        """Return the languages to translate into, and whether each is spoken; and why others are not."""
        wanted, missing = dict[str, bool](), dict[str, str]()
        for lang, voice in needed.items():
            if speaks(sources, lang):
                continue
            if not self.offer.translates(sources, lang):
                missing[lang] = NOT_TRANSLATED
            elif lang in self.refused:
                missing[lang] = self.refused[lang]
            elif len(wanted) >= min(most, self.offer.max_targets):
                missing[lang] = TOO_MANY_LANGUAGES
            else:
                wanted[lang] = voice and self.offer.speaks(lang)
        return wanted, missing

    def use(self, glossary: pb.Glossary) -> None:
        """Use other terms from now on."""
        self.speaking.control(pb.Control(action="set_dictionary", glossary=glossary))

    def left(self, state: mesh.SpeakerState.ValueType) -> None:
        """Record that the speaker is not there any more."""
        self._count()
        told = self._state()
        told.state = state
        self.place.changed(self.id, told)

    @property
    def _own(self) -> str:
        return next(iter(self.record.state.source_langs), "")

    def _begin(self) -> None:
        """Record when the session's audio began."""
        if not self.record.state.began_ms:
            state = self._state()
            at = self.speaking.began
            state.began_ms = round(1000 * (time.time() - (time.monotonic() - at if at else 0.0)))
            self.place.changed(self.id, state)

    def _count(self) -> None:
        """Count for how long languages were translated."""
        now = time.monotonic()
        passed_ms = round(1000 * (now - self.counted_at)) if self.counted_at else 0
        self.counted_at = now
        for lang, _ in self.targets:
            self.record.state.spent_by_lang[lang] += passed_ms
            measures.translated(lang, passed_ms / 1000)

    def _ack(self, ack: pb.Ack) -> Event:
        return {
            "type": "ack",
            "audio_ms": ack.finalized_offset_ms,
            "texts": self.record.typed,
            "resume_handle": ack.resume_handle,
        }

    def _error(self, error: pb.Error) -> None:
        """Take in a refusal: a language that cannot be had is left out of the others."""
        found = _TARGET.search(error.field)
        if found and int(found[1]) < len(self.targets):
            self.refused[self.targets[int(found[1])][0]] = error.code
            self._aim_again()
        elif error.code == TOO_OFTEN:
            self._aim_again()
        elif not error.fatal:
            fault = in_room(gateway_fault_told(error))
            self.place.tell(self.id, {**fault.event(), "code": error.code, "fatal": False})

    def _aim_again(self) -> None:
        self.targets, self.terms = (("", False),), 0  # not as they are in force
        self.place.again()

    def _state(self) -> mesh.Speaker:
        return newer(self.record.state)


def targets(wanted: Sequence[tuple[str, bool]], own: str) -> list[pb.Target]:
    """Return the targets of a session; where none is wanted its own language, of which nothing is made."""
    if not wanted:
        return [pb.Target(lang=own, delivery=pb.DELIVERY_CAPTIONS, same_language=pb.SAME_LANGUAGE_SILENCE)]
    return [
        pb.Target(
            lang=lang,
            delivery=pb.DELIVERY_CAPTIONS_AND_SPEECH if voice else pb.DELIVERY_CAPTIONS,
            same_language=pb.SAME_LANGUAGE_PASS_THROUGH,
        )
        for lang, voice in wanted
    ]
