"""NVIDIA Riva: SynthesizeOnline, on the stubs of nvidia-riva-client.

Its request is a stream since 2026-03. Of one message, that is on the wire what the single request was before: servers
from before understand it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import grpc
from riva.client.proto import riva_audio_pb2, riva_tts_pb2, riva_tts_pb2_grpc

from services.common.audio.pcm import from_bytes
from services.common.cancelling import end_call
from services.common.engines.load import Load
from services.common.engines.riva import Riva
from services.common.text.ipa import CHART
from services.common.text.languages import written
from services.tts.engine import Clause, Voice
from services.tts.engines.riva.markup import plain, ssml, with_dictionary
from services.tts.engines.riva.tempo import Tempo
from services.tts.settings import TtsSettings

PIECE_MS = 80
STEPS = 3  # of a first piece, each with its own deadline: the text is sent, the request ended, the answer read


@dataclass(frozen=True, slots=True)
class Known:
    """Riva's name of a voice, and the language it speaks."""

    name: str
    language: str


class Engine:
    """Synthesizes with the voices of a Riva server."""

    name = "riva"
    starts_programs = False
    versions = ()
    networks: Sequence[Sequence[Voice]] = ()
    device = "Riva server"

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings.riva
        self._riva = Riva(settings.riva, "TTS")
        self.load = Load("tts", settings.slots)  # a call in flight is in work: the server tells of none that waits
        self._stub: Any = None
        self._known: dict[Voice, Known] = {}
        self.version = ""
        self.patience_seconds = STEPS * self._riva.patience_seconds

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices of the server's models; known after `start`."""
        return tuple(self._known)

    @property
    def sample_rate_hertz(self) -> int:
        """The sampling rate that Riva is asked for, and converts to."""
        return self._settings.sample_rate_hertz

    @property
    def pronounces(self) -> bool:
        """Whether pronunciations are sent to Riva, as the settings say."""
        return self._settings.pronunciations != "none"

    async def start(self) -> None:
        """Connect and list the server's voices. Raises StageFailed without a server, InvalidArgument when settings
        disagree.
        """
        self._stub = riva_tts_pb2_grpc.RivaSpeechSynthesisStub(self._riva.open())
        request = riva_tts_pb2.RivaSynthesisConfigRequest(model_name=self._settings.model)
        told = await self._riva.configuration(self._stub.GetRivaSynthesisConfig, request)
        for config in told.model_config:
            self._known |= {voice: known for voice, known in _voices(config.parameters) if voice not in self._known}
        if not self._known:
            raise self._riva.failed(f"The Riva server has no voice: check {self._riva.setting('model')}.")
        self.version = ", ".join(sorted({config.model_name for config in told.model_config})) or "unknown"

    async def stop(self) -> None:
        """Close the connection to the Riva server."""
        await self._riva.close()

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the settings' IPA symbols, or those of the IPA chart: Riva does not list its own."""
        if not self.pronounces:
            return ()
        return tuple(self._settings.symbols) or CHART

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Synthesize a clause with one Riva call. Raises StageFailed when the call fails."""
        request = self._request(clause)
        pieces = Pieces(1.0 if self._settings.rate == "ssml" else clause.speaking_rate, self.sample_rate_hertz)
        call = self._stub.SynthesizeOnline(metadata=self._riva.metadata)
        try:
            with self.load.working():
                await self._sent(partial(call.write, request))
                await self._sent(call.done_writing)
                while (response := await self._riva.within(call.read)) is not grpc.aio.EOF:
                    for piece in pieces.of(response.audio):
                        yield piece
            for piece in pieces.rest():
                yield piece
        finally:
            end_call(call)

    async def _sent(self, step: Callable[[], Awaitable[Any]]) -> None:
        with suppress(asyncio.InvalidStateError):  # the call is over, and reading from it tells why
            await self._riva.within(step)

    def _request(self, clause: Clause) -> Any:
        settings, known = self._settings, self._known[clause.voice]
        phonemes = settings.pronunciations == "ssml" and bool(clause.pronunciations)
        rate = settings.rate == "ssml" and clause.speaking_rate != 1.0
        text, dictionary = plain(clause.text), ""
        if settings.pronunciations == "dictionary" and clause.pronunciations:
            text, dictionary = with_dictionary(clause)
        if phonemes or rate:
            text = ssml(replace(clause, text=text), phonemes, rate)
        return riva_tts_pb2.SynthesizeSpeechRequest(
            text=text,
            language_code=known.language,
            voice_name=known.name,
            encoding=riva_audio_pb2.LINEAR_PCM,
            sample_rate_hz=settings.sample_rate_hertz,
            custom_dictionary=dictionary,
        )


class Pieces:
    """Converts received audio to the wanted rate, in pieces of at most `PIECE_MS`."""

    def __init__(self, rate: float, sample_rate_hertz: int) -> None:
        self._tempo = Tempo(rate, sample_rate_hertz)
        self._most_bytes = 2 * (sample_rate_hertz * PIECE_MS // 1000)
        self._odd = b""  # half a sample
        self._made = b""

    def of(self, audio: bytes) -> Iterator[bytes]:
        """Add bytes, and yield the pieces that are complete."""
        audio = self._odd + audio
        even = len(audio) // 2 * 2
        self._odd = audio[even:]
        self._made += self._tempo.convert(from_bytes(audio[:even]))
        while len(self._made) >= self._most_bytes:
            yield self._made[: self._most_bytes]
            self._made = self._made[self._most_bytes :]

    def rest(self) -> Iterator[bytes]:
        """Yield what is left at the end of the audio."""
        made = self._made + self._tempo.rest()
        for start in range(0, len(made), self._most_bytes):
            yield made[start : start + self._most_bytes]


def _voices(parameters: Mapping[str, str]) -> Iterator[tuple[Voice, Known]]:
    """Yield a model's voices: "EN-US.Aria:0,ES-US.Isabela:1", or "Female-1:0", which speaks all of its languages."""
    tags = [tag.strip() for tag in parameters.get("language_code", "").split(",") if written(tag.strip())]
    name = parameters.get("voice_name", "")
    for each in parameters.get("subvoices", "").split(",") or [""]:
        own = each.split(":")[0].strip()
        full = f"{name}.{own}" if own and name else own or name
        native = [tag for tag in tags if own.split(".")[0].casefold() == tag.casefold()]
        for tag in native or tags:
            apart = f"/{written(tag)}" if len(native or tags) > 1 else ""
            yield Voice(full + apart, written(tag)), Known(full, tag)
