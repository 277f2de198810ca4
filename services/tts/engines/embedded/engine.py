"""espeak-ng: formant synthesis in over a hundred languages, on the CPU. GPL: it runs as a program beside us."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from services.common.audio.pcm import Pcm
from services.common.engines.load import Load
from services.common.server.starving import own_time
from services.tts import espeak
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.engines.embedded.phonemes import Phonemes, phonemes
from services.tts.engines.embedded.wav import NotSpeech, WavReader
from services.tts.pronouncing import parts
from services.tts.settings import TtsSettings

PIECE_MS = 80
SPARE_SECONDS = 2.0  # a program that does not go on is ended first
WARM_UP = "ok"


class Engine:
    """Synthesizes each clause in a child program of its own, which takes about 20 ms to its first sample."""

    name = "embedded"
    device = "cpu"
    versions = ()
    networks: Sequence[Sequence[Voice]] = ()
    pronounces = True

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings.embedded
        self.patience_seconds = 2 * settings.embedded.reply_seconds + SPARE_SECONDS  # for its phonemes, too
        self.load = Load("tts", settings.slots)  # a program is in work until it has written its next piece
        self.version = ""
        self.voices: tuple[Voice, ...] = ()
        self.sample_rate_hertz = 0
        self._known_phonemes: dict[str, Phonemes] = {}  # by voice, without its variant

    async def start(self) -> None:
        """List the installed voices and synthesize a warm-up clause. Raises StageFailed without the program or its
        voices.
        """
        self.version = await espeak.version(self._settings.program)
        self.voices = await espeak.voices(self._settings.program, self._settings.variants)
        if not self.voices:
            raise espeak.engine_failed("espeak-ng has no voices. Install espeak-ng-data.")
        reader = WavReader()
        async with aclosing(self._speech(Clause(WARM_UP, self.voices[0]), WARM_UP)) as wav:
            while piece := await self._next(wav):
                _read(reader, piece)
        self.sample_rate_hertz = reader.rate_hertz

    async def stop(self) -> None:
        """Do nothing: each child program ends with its generator."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Synthesize a clause with espeak-ng, in pieces of PIECE_MS. Raises StageFailed when the program fails or
        hangs.
        """
        reader = WavReader()
        piece_bytes = 2 * (self.sample_rate_hertz * PIECE_MS // 1000)
        made = b""
        async with aclosing(self._speech(clause, await self._text(clause))) as wav:
            while piece := await self._next(wav):
                made += _read(reader, piece).tobytes()
                while len(made) >= piece_bytes:
                    yield made[:piece_bytes]
                    made = made[piece_bytes:]
        if made:
            yield made

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the phonemes of the language's default voice as IPA symbols; its variants have the same."""
        voice = next(voice for voice in self.voices if voice.language == language)
        return (await self._phonemes(voice)).symbols

    async def _text(self, clause: Clause) -> str:
        """Return a clause as espeak-ng's input, with words that have a pronunciation as phonemes."""
        if not clause.pronunciations:
            return espeak.spoken(clause.text)
        written = (await self._phonemes(clause.voice)).written
        return "".join(
            espeak.pronounced(written(part.ipa)) if isinstance(part, Pronunciation) else espeak.spoken(part)
            for part in parts(clause)
        )

    async def _phonemes(self, voice: Voice) -> Phonemes:
        name, *_ = voice.name.split("+")
        if name not in self._known_phonemes:
            try:
                async with own_time(self._settings.reply_seconds):
                    self._known_phonemes[name] = await phonemes(self._settings.program, name)
            except TimeoutError as error:
                raise espeak.engine_failed("espeak-ng does not tell its phonemes.") from error
        return self._known_phonemes[name]

    def _speech(self, clause: Clause, text: str) -> AsyncGenerator[bytes, None]:
        words_per_minute = round(self._settings.words_per_minute * clause.speaking_rate)
        arguments = ("-v", clause.voice.name, "-s", str(words_per_minute))
        return espeak.speech(self._settings.program, arguments, text)

    async def _next(self, wav: AsyncGenerator[bytes, None]) -> bytes:
        """Return the next bytes, empty at the end. Raises StageFailed when they take too long."""
        try:
            with self.load.working():
                async with own_time(self._settings.reply_seconds):
                    return await anext(wav, b"")
        except TimeoutError as error:
            raise espeak.engine_failed("espeak-ng does not go on.") from error


def _read(reader: WavReader, piece: bytes) -> Pcm:
    try:
        return reader.pcm(piece)
    except NotSpeech as error:
        raise espeak.engine_failed("espeak-ng wrote something that is no speech.") from error
