"""Values of rooms: what members want, what they are sent, and what they may do. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Event = Mapping[str, object]

SPOKEN = ""  # in place of a language: every speaker's own words
DUCKED_GAIN = 0.15  # of the original while a voice speaks
LISTENER, SPEAKER, MODERATOR = "listener", "speaker", "moderator"
ROLES = (LISTENER, SPEAKER, MODERATOR)  # each may do what those before it may


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member wants to get: a language, and in which forms."""

    lang: str = SPOKEN  # a language (BCP-47), as the gateway names it
    captions: bool = True
    voice: bool = False
    original: bool = False  # the speakers' own audio


@dataclass(frozen=True, slots=True)
class Input:
    """The encoding of a speaker's audio."""

    format: str = "pcm16le"  # "pcm16le", "mulaw" or "opus"
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True)
class Speech:
    """What a speaker brings: languages, the form of the audio, and a lost session to go on with."""

    source_langs: tuple[str, ...]
    input: Input | None = None  # None: typed text alone
    resume_handle: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request to join a room."""

    room: str
    name: str = ""  # to show to others
    role: str = LISTENER
    wish: Wish = Wish()
    speech: Speech | None = None  # None: the member listens only
    member: str = ""  # id of a member that comes back; empty for a new one
    received: Mapping[str, int] = field(default_factory=dict)  # by speaker, the last segment whose final came


@dataclass(frozen=True, slots=True)
class Clause:
    """The part of a voice that a message has."""

    voice: str  # which voice: speaker and language
    milliseconds: float
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to members, serialised once for all of them."""

    text: str  # the event, as JSON
    audio: bytes = b""  # of voices and originals; the event has their number as `bytes`
    replaces: tuple[str, str, int] | None = None  # a newer one about the same takes its place while it waits
    clause: Clause | None = None  # of a voice
    event: Event = field(default_factory=dict)  # the event, for transports that do not send JSON

    @property
    def original(self) -> bool:
        """Whether the message is a piece of a speaker's own audio, which may be left out."""
        return bool(self.audio) and self.clause is None


def sent(event: Event, audio: bytes = b"", replaces: tuple[str, str, int] | None = None) -> Sent:
    """Return an event as a message."""
    told = {**event, "bytes": len(audio)} if audio else event
    return Sent(json.dumps(told, ensure_ascii=False, separators=(",", ":")), audio, replaces, None, told)


def may(role: str, needed: str) -> bool:
    """Return whether a role may do what another one may."""
    return ROLES.index(role) >= ROLES.index(needed)
