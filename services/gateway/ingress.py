"""What a client sends, checked and decoded: messages in, the session's inputs out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.gateway.inputs import Audio, Commit, Input, Interrupt, MissingAudio, Ping, SetTargets, Typed
from services.gateway.microphone import Microphone
from services.gateway.negotiation import require_sound
from services.gateway.possible import Reach
from services.gateway.settings import GatewaySettings
from services.gateway.terms import Sound, TargetTerms

AgreeTargets: TypeAlias = Callable[[list[tuple[str, pb.Target]]], tuple[TargetTerms, ...]]
SetGlossary: TypeAlias = Callable[[pb.Glossary], Awaitable[None]]

MAX_MARKER_LENGTH = 64

# The field each action reads beside its name. What is set beside it would be ignored, so it is refused.
_ACTIONS = {
    "commit": "",
    "pause": "",
    "resume": "",
    "set_target_lang": "targets",
    "set_dictionary": "glossary",
    "interrupt": "target_lang",
    "ping": "marker",
    "end": "",
}


@dataclass(frozen=True, slots=True)
class Start:
    """What audio is like, when that was agreed, and where on the audio clock it starts."""

    sound: Sound | None
    offset_samples: int = 0
    age_ms: int = 0  # of the session: how far the clock may have got


class Ingress:
    """One session's input, from the message after `hello` to the half-close or `end`."""

    def __init__(
        self,
        start: Start,
        settings: GatewaySettings,
        agree_targets: AgreeTargets,
        set_glossary: SetGlossary,
    ) -> None:
        self._settings = settings
        self._start_samples = start.offset_samples
        self._reach = Reach(start.age_ms)
        self._agree_targets = agree_targets
        self._set_glossary = set_glossary
        self._microphone = self._opened(start.sound) if start.sound else None
        self._paused = False

    async def inputs(self, messages: AsyncIterator[pb.ClientMessage]) -> AsyncIterator[Input]:
        """The input, in order. Raises InvalidArgument or Unsupported at the first message that may not be sent.

        A glossary is set on the way: it counts from the next translation on, not from a place in the speech.
        """
        async for message in messages:
            if message.WhichOneof("payload") == "control" and message.control.action == "end":
                _require_only_its_field(message.control)
                break
            for said in self._inputs_of(message):
                yield said
            if message.control.action == "set_dictionary":
                await self._set_glossary(message.control.glossary)
        for rest in self._microphone.rest() if self._microphone and not self._paused else ():
            yield rest

    def _inputs_of(self, message: pb.ClientMessage) -> Iterator[Input]:
        match message.WhichOneof("payload"):
            case "audio":
                yield from self._hear(message.audio)
            case "text":
                yield Typed(message.text.text, message.text.final)
            case "control":
                yield from self._obey(message.control)
            case "hello":
                raise InvalidArgument("HELLO_REPEATED", "The session is open already.", "hello", ["one hello"])
            case _:
                kinds = ["audio", "text", "control"]
                raise InvalidArgument("EMPTY_MESSAGE", "The message holds nothing known.", "payload", kinds)

    def _hear(self, chunk: pb.AudioChunk) -> list[Audio | MissingAudio]:
        if len(chunk.data) > self._settings.max_chunk_bytes:
            message = f"The chunk has {len(chunk.data)} bytes."
            accepted = [f"at most {self._settings.max_chunk_bytes} bytes"]
            raise InvalidArgument("CHUNK_TOO_LARGE", message, "audio.data", accepted)
        if self._microphone is None:
            sound = require_sound(chunk.format or "pcm16le", chunk.sample_rate, "audio")
            self._microphone = self._opened(sound)
        heard = self._microphone.hear(chunk)
        return [] if self._paused else heard  # the clock goes on while nobody listens

    def _opened(self, sound: Sound) -> Microphone:
        return Microphone(sound, self._settings, self._start_samples, self._reach)

    def _obey(self, control: pb.Control) -> Iterator[Input]:
        _require_only_its_field(control)
        match control.action:
            case "commit":
                yield Commit()
            case "pause":
                self._paused = True
                yield Commit()
            case "resume":
                self._paused = False
            case "ping":
                if len(control.marker) > MAX_MARKER_LENGTH:
                    accepted = [f"at most {MAX_MARKER_LENGTH} characters"]
                    raise InvalidArgument("MARKER_TOO_LONG", "The marker is too long.", "control.marker", accepted)
                yield Ping(control.marker)
            case "interrupt":
                yield Interrupt(control.target_lang)
            case "set_target_lang":
                paths = [(f"control.targets[{index}]", target) for index, target in enumerate(control.targets)]
                yield SetTargets(self._agree_targets(paths))


def _require_only_its_field(control: pb.Control) -> None:
    if control.action not in _ACTIONS:
        raise InvalidArgument("UNKNOWN_ACTION", f"{control.action!r} is no action.", "control.action", [*_ACTIONS])
    for descriptor, _ in control.ListFields():
        if descriptor.name not in ("action", _ACTIONS[control.action]):
            message = f"The action {control.action!r} does not read it."
            raise InvalidArgument("FIELD_NOT_READ", message, f"control.{descriptor.name}", ["unset"])
