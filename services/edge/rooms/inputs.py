"""Messages of a member's client: read, and carried out."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from services.common.errors import InvalidArgument, quoted
from services.edge.fields import Json, as_bytes, as_echo, as_integer, as_list, as_object, as_text
from services.edge.realtime.hello import VERSION
from services.edge.realtime.inputs import kind_of, parsed
from services.edge.rooms.checking import NAME as MEMBER
from services.edge.rooms.member import Member
from services.edge.rooms.unfinished import FORMATS
from services.edge.rooms.values import LISTENER, ROLES, SPEAKER, Entry, Input, Speech, Wish, sent

_MOST_NAME = 64  # characters
MOST_SPEAKERS = 1000  # of `received`
_LANGS = 10
_WISH = ("lang", "captions", "voice", "original")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "join": (
        "version",
        "name",
        "role",
        *_WISH,
        "source_langs",
        "input",
        "speaker",
        "resume_handle",
        "received",
    ),
    "change": _WISH,
    "input_audio": ("data", "offset_samples"),
    "input_text": ("text", "number"),
    "control": ("action",),
    "set_terms": ("terms",),
    "ping": ("id",),
    "keepalive": (),
    "leave": (),
}


def read(text: str) -> Json:
    """Return a message that has no field beside those of its type. Raises InvalidArgument."""
    message = parsed(text)
    kind_of(message, FIELDS)
    return message


def room_name(name: str) -> str:
    """Return a room's name, one for all ways to write its letters. Raises InvalidArgument for one that cannot be."""
    name = unicodedata.normalize("NFC", name[: 4 * _MOST_NAME])
    if not 0 < len(name) <= _MOST_NAME or not _begins_a_name(name[0]) or not all(map(_is_in_names, name)):
        accepted = ["1 to 64 letters, digits, blanks, - _ and ., of which the first is a letter, a digit or _"]
        raise InvalidArgument("BAD_ROOM", "This is no name of a room.", "room", accepted)
    return name


def _begins_a_name(character: str) -> bool:
    return character == "_" or character.isalnum()


def _is_in_names(character: str) -> bool:
    """Return whether a name of a room may have a character; many scripts write vowels as marks of a letter."""
    return character in " .-" or _begins_a_name(character) or unicodedata.category(character) in ("Mn", "Mc")


def entry(message: Json, room: str) -> Entry:
    """Read a `join`. Raises InvalidArgument."""
    if message.get("version", VERSION) != VERSION:
        raise InvalidArgument("UNKNOWN_VERSION", "This version is not spoken here.", "join.version", [VERSION])
    speech = _speech(message)
    role = as_text(message.get("role", SPEAKER if speech else LISTENER), "join.role")
    if role not in ROLES:
        raise InvalidArgument("UNKNOWN_VALUE", f"There is no {quoted(role)} here.", "join.role", list(ROLES))
    if speech and role == LISTENER:
        raise InvalidArgument("ROLE_MISSING", "A listener does not speak.", "join.source_langs", [SPEAKER])
    name = as_text(message.get("name", ""), "join.name")
    if len(name) > 64:
        raise InvalidArgument("NAME_TOO_LONG", "The name is too long.", "join.name", ["at most 64 characters"])
    came = as_object(message.get("received", {}), "join.received")
    if len(came) > MOST_SPEAKERS:
        raise InvalidArgument("OUT_OF_RANGE", "There are too many.", "join.received", [f"at most {MOST_SPEAKERS}"])
    received = {speaker: as_integer(number, f"join.received.{speaker[:32]}") for speaker, number in came.items()}
    speaker = as_text(message.get("speaker", ""), "join.speaker")
    if speaker and not MEMBER.fullmatch(speaker):
        raise InvalidArgument("UNKNOWN_VALUE", "This is no speaker.", "join.speaker", ["the `speaker` of a `ready`"])
    if speech and bool(speaker) != bool(speech.resume_handle):
        raise InvalidArgument("FIELD_MISSING", "A speaker comes back with both.", "join.speaker", ["resume_handle"])
    return Entry(room, name, role, wished(message, Wish(), "join"), speech, speaker, received)


def wished(message: Json, before: Wish, path: str) -> Wish:
    """Return a wish with what a message changes of it. Raises InvalidArgument."""
    changed: dict[str, object] = {}
    if "lang" in message:
        changed["lang"] = as_text(message["lang"], f"{path}.lang")
    for name in _WISH[1:]:
        if name in message:
            if not isinstance(message[name], bool):
                raise InvalidArgument("WRONG_TYPE", "The value has another type.", f"{path}.{name}", ["true or false"])
            changed[name] = message[name]
    return replace(before, **changed)  # type: ignore[arg-type]  # each has the type of its field


def _speech(message: Json) -> Speech | None:
    if "source_langs" not in message:
        for name in ("input", "speaker", "resume_handle"):
            if name in message:
                raise InvalidArgument("FIELD_MISSING", "Whoever speaks names languages.", "join.source_langs", [])
        return None
    given = as_list(message["source_langs"], "join.source_langs")
    langs = tuple(as_text(each, f"join.source_langs[{index}]") for index, each in enumerate(given))
    if not 1 <= len(langs) <= _LANGS or ("auto" in langs and len(langs) > 1):
        accepted = [f'1 to {_LANGS} languages, or "auto"']
        raise InvalidArgument("OUT_OF_RANGE", "There are too few or many.", "join.source_langs", accepted)
    handle = as_text(message.get("resume_handle", ""), "join.resume_handle")
    return Speech(langs, _input(message.get("input")), handle)


def _input(value: object) -> Input | None:
    if value is None:
        return None
    told = as_object(value, "join.input")
    named = as_text(told.get("format", "pcm16le"), "join.input.format")
    if named not in FORMATS:
        raise InvalidArgument("UNKNOWN_FORMAT", "The format is not spoken here.", "join.input.format", list(FORMATS))
    return Input(named, as_integer(told.get("sample_rate", 16_000), "join.input.sample_rate", 8000, 48_001))


async def carry_out(member: Member, message: Json) -> None:
    """Carry out a message of a client that has joined. Raises InvalidArgument or Fault."""
    match message["type"]:
        case "ping":
            named = {"id": as_echo(message["id"], "ping.id")} if "id" in message else {}
            member.put(sent({"type": "pong", **named}))
        case "join":
            raise InvalidArgument("JOINED_ALREADY", "A connection joins once, with its first message.", "join")
        case "change":
            member.change(wished(message, member.wish, "change"))
        case "input_audio":
            offset = message.get("offset_samples")
            place = None if offset is None else as_integer(offset, "input_audio.offset_samples")
            await member.hear(as_bytes(message.get("data", ""), "input_audio.data"), place)
        case "input_text":
            number = message.get("number")
            counted = None if number is None else as_integer(number, "input_text.number", 1)
            member.type(as_text(message.get("text", ""), "input_text.text"), counted)
        case "control":
            member.control(as_text(message.get("action", ""), "control.action"))
        case "set_terms":
            member.set_terms(message.get("terms", []))
        case "leave":
            member.leave()
