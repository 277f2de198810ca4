"""What members are told of their room, as events. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mesh.rooms.v1 import rooms_pb2 as mesh
from services.edge.rooms.demand import Demand
from services.edge.rooms.record import Record
from services.edge.rooms.values import Event, Sent, Wish, sent

_STATES = {
    mesh.SPEAKER_STATE_PRESENT: "present",
    mesh.SPEAKER_STATE_LOST: "lost",
    mesh.SPEAKER_STATE_LEFT: "left",
}


def room(records: Iterable[Record], demand: Demand, terms: mesh.Terms) -> Event:
    """Return who speaks in a room, what is wanted there, and for how many minutes languages were translated."""
    speakers, minutes = list[Event](), dict[str, float]()
    for record in records:
        state = record.state
        if not state.version:
            continue  # whose session is being opened
        speakers.append(
            {
                "speaker": record.speaker,
                "name": state.name,
                "source_langs": list(state.source_langs),
                "state": _STATES.get(state.state, "lost"),
                **({"missing": dict(sorted(state.missing.items()))} if state.missing else {}),
            }
        )
        for lang, milliseconds in state.spent_by_lang.items():
            minutes[lang] = minutes.get(lang, 0.0) + milliseconds / 60_000
    langs = {lang: {"captions": want.captions, "voice": want.voice} for lang, want in demand.total().items()}
    return {
        "type": "room",
        "speakers": speakers,
        "langs": langs,
        "lang_minutes": {lang: round(spent, 1) for lang, spent in sorted(minutes.items())},
        "terms": len(terms.terms),
    }


def wish(wanted: Wish) -> Event:
    """Return what a member gets."""
    return {"lang": wanted.lang, "captions": wanted.captions, "voice": wanted.voice, "original": wanted.original}


def no_captions(speaker: str, lang: str, code: str) -> Sent:
    """Return that a speaker has no captions in a language, and why; without a reason, that it has them again."""
    told: Event = {"type": "no_captions", "speaker": speaker, "lang": lang}
    return sent({**told, "reason": code} if code else {**told, "over": True})


def no_voice(lang: str) -> Sent:
    """Return that there is no voice for a language here."""
    return sent({"type": "no_voice", "lang": lang, "reason": "NO_SUCH_VOICE"})
