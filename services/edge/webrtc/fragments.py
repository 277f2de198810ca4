"""SDP as text: an offer without its candidates, and the fragments that candidates come in later (RFC 8840). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.common.errors import InvalidArgument

MOST_BYTES = 64 * 1024
MOST_CANDIDATES = 32
_CANDIDATE, _COMPLETE = "a=candidate:", "a=end-of-candidates"
_UFRAG, _PASSWORD = "a=ice-ufrag:", "a=ice-pwd:"
_TOKENS_OF_A_CANDIDATE = 8
_NUMBERS = ((1, 256), (3, (1 << 31) - 1), (5, 65_535))  # component, priority and port, and what they may be at most


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one side tells of its ICE: who it is, and where it can be reached."""

    ufrag: str = ""
    password: str = ""
    candidates: tuple[str, ...] = ()  # as in SDP, behind "candidate:"
    complete: bool = False  # whether there are no more


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered: its ICE apart from the rest."""

    sdp: str  # without candidates
    ice: Fragment
    audio: bool  # whether it has a line of audio, and one of data
    data: bool
    sends: bool  # whether the client sends audio, and whether it plays it
    hears: bool


def fragment(text: str) -> Fragment:
    """Read a fragment. Raises InvalidArgument where it has no line that is known."""
    lines = _lines(text)
    found = _ice(lines)
    if not (found.ufrag or found.candidates or found.complete):
        raise InvalidArgument("UNREADABLE_SDP", "The body has neither credentials nor candidates.", "sdp", [_CANDIDATE])
    return found


def offer(text: str) -> Offer:
    """Read an offer. Raises InvalidArgument for one that has more than audio and data, or too little to connect."""
    lines = _lines(text)
    if not lines or lines[0] != "v=0":
        raise InvalidArgument("UNREADABLE_SDP", "The body is no SDP.", "sdp", ["an offer that begins with v=0"])
    kinds = [line[2:].partition(" ")[0] for line in lines if line.startswith("m=")]
    if any(kind not in ("audio", "application") for kind in kinds) or len(set(kinds)) < len(kinds) or not kinds:
        message = "An offer has one line of audio, one of data, or both."
        raise InvalidArgument("UNSUPPORTED_MEDIA", message, "sdp", ["m=audio", "m=application"])
    ice = _ice(lines)
    if not (ice.ufrag and ice.password and any(line.startswith("a=fingerprint:") for line in lines)):
        message = "An offer has ICE's name and password, and a fingerprint of its certificate."
        raise InvalidArgument("UNREADABLE_SDP", message, "sdp", [_UFRAG, _PASSWORD, "a=fingerprint:"])
    way = _direction(lines)
    rest = [line for line in lines if not line.startswith((_CANDIDATE, _COMPLETE))]
    audio = "audio" in kinds
    return Offer(
        "\r\n".join(rest) + "\r\n",
        ice,
        audio,
        "application" in kinds,
        audio and way in ("sendrecv", "sendonly"),
        audio and way in ("sendrecv", "recvonly"),
    )


def written(ice: Fragment, mids: tuple[str, ...]) -> str:
    """Return a fragment as it answers an ICE restart."""
    lines = [
        f"a=group:BUNDLE {' '.join(mids)}",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0",
        f"a=mid:{mids[0]}",
        _UFRAG + ice.ufrag,
        _PASSWORD + ice.password,
        *(_CANDIDATE + each for each in ice.candidates),
        _COMPLETE,
    ]
    return "\r\n".join(lines) + "\r\n"


def mids(sdp: str) -> tuple[str, ...]:
    """Return the names of a description's lines of media, in order."""
    return tuple(line.removeprefix("a=mid:") for line in sdp.splitlines() if line.startswith("a=mid:"))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _ice(lines: list[str]) -> Fragment:
    candidates = list(dict.fromkeys(_candidates(lines)))
    if len(candidates) > MOST_CANDIDATES:
        message = f"{len(candidates)} candidates are too many."
        raise InvalidArgument("TOO_MANY_CANDIDATES", message, "sdp", [f"{MOST_CANDIDATES}"])
    return Fragment(_first(lines, _UFRAG), _first(lines, _PASSWORD), tuple(candidates), _COMPLETE in lines)


def _candidates(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith(_CANDIDATE):
            continue
        told = line.removeprefix(_CANDIDATE)
        parts = told.split()
        if len(parts) < _TOKENS_OF_A_CANDIDATE or not all(_is_number(parts[place], most) for place, most in _NUMBERS):
            form = "a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"
            raise InvalidArgument("UNREADABLE_SDP", "A candidate cannot be read.", "sdp", [form])
        if parts[2].lower() == "udp" and parts[1] == "1":  # no other way is taken, and nothing is said of it
            yield told


def _is_number(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most


def _first(lines: list[str], name: str) -> str:
    return next((line.removeprefix(name) for line in lines if line.startswith(name)), "")


def _direction(lines: list[str]) -> str:
    """Return the direction of the line of audio, or of the session."""
    ways, inside, found = ("sendrecv", "sendonly", "recvonly", "inactive"), True, "sendrecv"
    for line in lines:
        if line.startswith("m="):
            inside = line.startswith("m=audio ")
        elif inside and line.removeprefix("a=") in ways:
            found = line.removeprefix("a=")
    return found
