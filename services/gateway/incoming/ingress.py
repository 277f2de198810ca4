"""What a client sends, checked and decoded: messages in, the session's inputs out."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument, MeshError, quoted
from services.common.rates import Allowance, Rate
from services.gateway.agreement.bounds import Reach
from services.gateway.agreement.long_work import LIGHT
from services.gateway.agreement.negotiation import require_sound
from services.gateway.agreement.targeting import require_targets
from services.gateway.incoming.microphone import Microphone
from services.gateway.incoming.typed import TypedSegment
from services.gateway.masking.masker import Masker
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import Continuation
from services.gateway.values.speech import (
    Audio,
    Commit,
    Input,
    Interrupt,
    MissingAudio,
    Ping,
    SetTargets,
    Transcript,
    Typed,
)
from services.gateway.values.terms import Sound, TargetTerms

AgreeTargets: TypeAlias = Callable[[list[tuple[str, pb.Target]]], tuple[TargetTerms, ...]]
SetGlossary: TypeAlias = Callable[[pb.Glossary], Awaitable[None]]
Report: TypeAlias = Callable[[MeshError], Awaitable[None]]
Renew: TypeAlias = Callable[[str], Awaitable[None]]
MAX_MARKER_LENGTH = 64
# What costs the mesh work whenever it is asked for, and how often it may be: an app hardly asks twice a minute.
_COSTLY = ("set_target_lang", "set_dictionary", "interrupt")
COSTLY_AT_ONCE = 20
COSTLY_PER_SECOND = 2.0
_BEHIND_AUDIO = ("commit", "pause", "ping")  # these count behind all audio before them
MOST_REFUSED = 50  # in a row, then the session ends: this client does not listen
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
TYPED = "typed"  # names the open segment of typed text; those of speech have the recognizer's numbers


@dataclass(frozen=True, slots=True)
class Controls:
    """What the input changes beside the stream of inputs, and where a refusal goes that the session survives."""

    agree_targets: AgreeTargets
    set_glossary: SetGlossary
    report: Report
    renew: Renew


@dataclass(frozen=True, slots=True)
class AudioStart:
    """What audio is like, when that was agreed, and where on the audio clock it starts."""

    sound: Sound | None
    offset_samples: int = 0
    age_ms: int = 0  # of the session: how far the clock may have got
    recognized: bool = True  # whether the source language is: else there can be no audio
    silence_ms: int = 0  # ends a segment, so a shorter hole in the audio does not; 0: as the settings have it

    def microphone(self, sound: Sound, settings: GatewaySettings) -> Microphone:
        """What decodes such audio. Raises InvalidArgument where nobody would recognize it."""
        if not self.recognized:
            message = "The session's source language is translated, and not recognized."
            raise InvalidArgument("NOT_RECOGNIZED", message, "audio", ["text"])
        return Microphone(sound, settings, self.offset_samples, Reach(self.age_ms), self.silence_ms)


class Ingress:
    """The input of a session, from the message after `hello` to the half-close or `end`."""

    def __init__(
        self,
        start: AudioStart,
        settings: GatewaySettings,
        controls: Controls,
    ) -> None:
        self._settings = settings
        self._opened = partial(start.microphone, settings=settings)
        self._controls = controls
        self._microphone = self._opened(start.sound) if start.sound else None
        self._paused = False
        self._costly = Allowance(Rate(COSTLY_PER_SECOND, COSTLY_AT_ONCE), time.monotonic())

    async def inputs(self, messages: AsyncIterator[pb.ClientMessage]) -> AsyncIterator[Input]:
        """The input, in order. Raises InvalidArgument or Unsupported at the first message that may not be sent.

        A glossary is set on the way: it counts from the next translation on, not from a place in the speech.
        """
        async for message in messages:
            kind = message.WhichOneof("payload")
            if kind == "audio":
                for heard in await self._heard(message.audio):
                    yield heard
                continue
            action = message.control.action if kind == "control" else ""
            if action == "end":
                _require_only_its_field(message.control)
                break
            if action in _COSTLY and not await self._allowed(action):
                continue
            for said in self._inputs_of(message):
                yield said
            if targets := await self._changed(message, action):
                yield targets
        for rest in self._microphone.rest() if self._microphone and not self._paused else ():
            yield rest

    async def _changed(self, message: pb.ClientMessage, action: str) -> SetTargets | None:
        """Carry out what changes a session beside its input. Return the targets agreed, where they change."""
        if action == "set_dictionary":
            await self._set_glossary(message.control.glossary)
        if message.HasField("renewal") and await self._allowed("renewal"):
            await self._renew(message.renewal.token)
        return await self._agreed(message.control) if action == "set_target_lang" else None

    async def _allowed(self, action: str) -> bool:
        """Whether the client may ask for an action now; if not, it is told. Raises AtCapacity where that is no use."""
        wait_seconds = self._costly.ask(time.monotonic())
        if not wait_seconds:
            return True
        field, kinds = "renewal" if action == "renewal" else "control.action", ", ".join((*_COSTLY, "renewal"))
        message = f"The action {action!r} comes too often, and was not carried out."
        accepted = [f"{COSTLY_AT_ONCE} at once and {COSTLY_PER_SECOND:g} a second of {kinds} together"]
        refusal = AtCapacity("CONTROL_TOO_OFTEN", message, field, accepted, math.ceil(1000 * wait_seconds))
        if self._costly.refused > MOST_REFUSED:
            raise refusal
        await self._controls.report(refusal)
        return False

    async def _agreed(self, control: pb.Control) -> SetTargets | None:
        """The targets that are asked for. None when they are refused: the client is told, those before stay."""
        try:
            require_targets(len(control.targets), self._settings, "control.targets")
            paths = [(f"control.targets[{index}]", target) for index, target in enumerate(control.targets)]
            return SetTargets(self._controls.agree_targets(paths))
        except MeshError as refusal:
            await self._controls.report(refusal)
            return None

    async def _set_glossary(self, wanted: pb.Glossary) -> None:
        """Put a glossary in force. When it is refused, the client is told, and the one before stays."""
        try:
            await self._controls.set_glossary(wanted)
        except MeshError as refusal:
            await self._controls.report(refusal)

    async def _renew(self, token: str) -> None:
        """Go on under a fresh token. When it is refused, the client is told, and the one before stays."""
        try:
            await self._controls.renew(token)
        except MeshError as refusal:
            await self._controls.report(refusal)

    def _inputs_of(self, message: pb.ClientMessage) -> Iterator[Input]:
        match message.WhichOneof("payload"):
            case "text":
                yield Typed(message.text.text, message.text.final)
            case "control":
                yield from self._obey(message.control)
            case "hello":
                raise InvalidArgument("HELLO_REPEATED", "The session is open already.", "hello", ["one hello"])
            case "renewal":
                return
            case _:
                kinds = ["audio", "text", "control", "renewal"]
                raise InvalidArgument("EMPTY_MESSAGE", "The message holds nothing known.", "payload", kinds)

    async def _heard(self, chunk: pb.AudioChunk) -> list[Audio | MissingAudio]:
        if len(chunk.data) > self._settings.max_chunk_bytes:
            message = f"The chunk has {len(chunk.data)} bytes."
            accepted = [f"at most {self._settings.max_chunk_bytes} bytes"]
            raise InvalidArgument("CHUNK_TOO_LARGE", message, "audio.data", accepted)
        if self._microphone is None:
            sound = require_sound(chunk.format or "pcm16le", chunk.sample_rate, "audio")
            self._microphone = self._opened(sound)
        microphone = self._microphone
        if len(chunk.data) > microphone.quick_bytes:
            heard = await asyncio.to_thread(microphone.hear, chunk)
        else:
            heard = microphone.hear(chunk)
        return [] if self._paused else heard  # the clock goes on while nobody listens

    def _obey(self, control: pb.Control) -> Iterator[Input]:
        _require_only_its_field(control)
        if control.action in _BEHIND_AUDIO and self._microphone and not self._paused:
            yield from self._microphone.settle()
        match control.action:
            case "commit":
                yield Commit()
            case "pause":
                self._paused = True
                yield Commit()
            case "resume":
                if self._paused and self._microphone:
                    self._microphone.settle()  # what still waits was sent in the pause
                self._paused = False
            case "ping":
                if len(control.marker) > MAX_MARKER_LENGTH:
                    accepted = [f"at most {MAX_MARKER_LENGTH} characters"]
                    raise InvalidArgument("MARKER_TOO_LONG", "The marker is too long.", "control.marker", accepted)
                yield Ping(control.marker)
            case "interrupt":
                yield Interrupt(control.target_lang)


def _require_only_its_field(control: pb.Control) -> None:
    if control.action not in _ACTIONS:
        message = f"{quoted(control.action)} is no action."
        raise InvalidArgument("UNKNOWN_ACTION", message, "control.action", [*_ACTIONS])
    for descriptor, _ in control.ListFields():
        if descriptor.name not in ("action", _ACTIONS[control.action]):
            message = f"The action {control.action!r} does not read it."
            raise InvalidArgument("FIELD_NOT_READ", message, f"control.{descriptor.name}", ["unset"])


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a session: the text that is typed, the numbers of all segments, and what hides text in them."""

    typed: TypedSegment
    numbering: Numbering
    masker: Masker

    def numbered(self, said: Transcript) -> Transcript:
        """Return a recognized revision under the session's own number of its segment."""
        number = self.numbering.of(said.segment_id, said.final)
        return said if number == said.segment_id else replace(said, segment_id=number)

    async def masked(self, said: Transcript) -> Transcript:
        """Return a revision of a segment as it may be shown, translated, spoken and kept; a long one takes a thread."""
        if not self.masker.on:
            return said
        if len(said.text) > LIGHT or self.masker.slow:
            return await asyncio.to_thread(self.masker.masked, said)
        return self.masker.masked(said)


class Numbering:
    """The session's own numbers, from 1 on, without gaps."""

    def __init__(self, goes_on: Continuation) -> None:
        self._last = goes_on.last_segment_id
        self._unnamed = goes_on.unnamed_segment_id  # whoever begins first has begun it; 0: none
        self._open: dict[object, int] = {}
        if spoken := goes_on.spoken_segment_id:
            self._open[spoken] = spoken
        if typed := goes_on.open_typed:
            self._open[TYPED] = typed.segment_id

    def of(self, segment: object, final: bool) -> int:
        """The number of a segment under any name of its source's; a final one's name is free again."""
        if segment not in self._open:
            self._open[segment] = self._unnamed or self._last + 1
            self._last, self._unnamed = max(self._last, self._open[segment]), 0
        return self._open.pop(segment) if final else self._open[segment]
