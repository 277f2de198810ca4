"""The first message of a WebSocket: what a session asks for, as the gateway is to be asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.fields import Json, as_list, as_object, as_text, filled
from services.edge.glossary import add_dictionary, formality_of
from services.edge.voices import is_generic, resolved

VERSION = "2026-05-01"
PARTIAL, VAD, LATENCY, BINARY = "partial_results", "vad", "latency", "binary_audio"
VIEWING = "viewing"
FEATURES = (PARTIAL, VAD, LATENCY, BINARY, VIEWING)
_BY_DEFAULT = frozenset({PARTIAL, VAD})
OPUS = "opus"

_SESSION = "hello.session"
_OURS = ("features", "tts_voice", "dictionary", "formality")  # of `session`: what the contract has no field for
_AT_TOP = ("partial_results", "resume_handle", "received", "deaths", "lost_server", "protocol_version")


@dataclass(frozen=True, slots=True)
class Asked:
    """A session as it was asked for: the gateway's part, and the edge's own."""

    config: pb.SessionConfig
    features: frozenset[str] = _BY_DEFAULT
    notes: tuple[dict[str, object], ...] = field(default=())  # what is given otherwise than it was asked for

    def wants(self, feature: str) -> bool:
        """Return whether a feature was asked for."""
        return feature in self.features


def asked(message: Json, target: str, described: pb.DescribeResponse) -> Asked:
    """Read a `hello`; `target` is the address's `target_lang`. Raises InvalidArgument."""
    _require_known(message)
    if "version" in message and message["version"] != VERSION:
        raise InvalidArgument("UNKNOWN_VERSION", "This version is not spoken here.", "hello.version", [VERSION])
    session = dict(as_object(message.get("session", {}), _SESSION))
    ours = {name: session.pop(name) for name in _OURS if session.get(name) is not None}
    config = filled(pb.SessionConfig(), session, _SESSION, hidden=_AT_TOP)
    _aim(config, target)
    notes = [*_voice(config, ours, described), *_terms(config, ours)]
    features = _features(ours)
    config.partial_results = PARTIAL in features
    _continue(config, message)
    return Asked(config, features, tuple(notes))


def _require_known(message: Json) -> None:
    known = ("type", "version", "session", "resume_handle", "received", "deaths", "lost_server")
    for name in message:
        if name not in known:
            raise InvalidArgument("UNKNOWN_FIELD", f"There is no {quoted(name)} here.", "hello", list(known))


def _aim(config: pb.SessionConfig, target: str) -> None:
    """Put the targets into one list; the address's is taken where the session names none."""
    if config.target_lang and config.targets:
        message = "Name one target in target_lang, or all of them in targets."
        raise InvalidArgument("TARGETS_TWICE", message, f"{_SESSION}.targets", ["one of both"])
    named = [each.lang for each in config.targets] or [config.target_lang] * bool(config.target_lang)
    if target and named and target not in named:
        message = "The address names another target than the session."
        raise InvalidArgument("TARGETS_TWICE", message, "query.target_lang", named)
    if not config.targets:
        config.targets.add(lang=config.target_lang or target)
    config.target_lang = ""


def _voice(config: pb.SessionConfig, ours: Json, described: pb.DescribeResponse) -> Sequence[dict[str, object]]:
    notes: list[dict[str, object]] = []
    if name := as_text(ours.get("tts_voice", ""), f"{_SESSION}.tts_voice"):
        if len(config.targets) > 1 or config.targets[0].voice:
            message = "It is for one target without a voice of its own: set targets[].voice."
            raise InvalidArgument("VOICE_TWICE", message, f"{_SESSION}.tts_voice", ["one voice for each"])
        config.targets[0].voice = name
    for index, target in enumerate(config.targets):
        if is_generic(target.voice) and target.voice not in {each.name for each in described.voices}:
            path = f"{_SESSION}.targets[{index}].voice"
            target.voice, before = resolved(target.voice, described.voices), target.voice
            note: dict[str, object] = {
                "code": "VOICE_RESOLVED",
                "field": path,
                "asked": before[:64],
                "given": target.voice,
            }
            notes.append(note if target.voice else {**note, "code": "NO_SUCH_VOICE"})
    return notes


def _terms(config: pb.SessionConfig, ours: Json) -> Sequence[dict[str, object]]:
    if "dictionary" in ours:
        langs = [each.lang for each in config.targets]
        add_dictionary(config.glossary, ours["dictionary"], langs, f"{_SESSION}.dictionary")
    if "formality" in ours:
        wanted = formality_of(ours["formality"], f"{_SESSION}.formality")
        for each in config.targets:
            each.formality = each.formality or wanted
    return ()


def _features(ours: Json) -> frozenset[str]:
    if "features" not in ours:
        return _BY_DEFAULT
    named = set()
    for index, each in enumerate(as_list(ours["features"], f"{_SESSION}.features")):
        path = f"{_SESSION}.features[{index}]"
        if as_text(each, path) not in FEATURES:
            raise InvalidArgument("UNKNOWN_FEATURE", "There is no such feature.", path, list(FEATURES))
        named.add(str(each))
    return frozenset(named)


def _continue(config: pb.SessionConfig, message: Json) -> None:
    config.resume_handle = as_text(message.get("resume_handle", ""), "hello.resume_handle")
    rest = {name: message[name] for name in ("received", "deaths", "lost_server") if message.get(name) is not None}
    filled(config, rest, "hello")
