"""Kokoro-82M on ONNX Runtime: voices of several languages in one network, streamed by windows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np

from services.common.audio.pcm import Pcm
from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.neural import bundles, devices
from services.common.neural.settings import Served
from services.tts.engine import Clause, Voice
from services.tts.engines.kokoro.levels import gain
from services.tts.engines.kokoro.model import LAYOUT, Model, language_of, opened
from services.tts.engines.kokoro.network import SAMPLE_RATE_HERTZ
from services.tts.engines.kokoro.windows import Ahead
from services.tts.neural.measures import Measured, pcm_of
from services.tts.settings import TtsSettings
from services.tts.silence import Trimmer

PIECE_MS = 80
BREATH = 150  # samples up to this are no speech: 47 dB below full scale
PAUSE_MS = 150  # between sentences of a clause, beside the silence that is kept of each


class Engine:
    """Serves the Kokoro voices of some bundles. Bundles of the same name are versions of the same voices."""

    name = "kokoro"
    sample_rate_hertz = SAMPLE_RATE_HERTZ
    pronounces = True

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings.kokoro
        self.patience_seconds = self._settings.reply_seconds + self._settings.answer_seconds
        self.load = Load("tts")
        self.device = self.version = ""
        self._versions: Versions[Voice, Model] = Versions()

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices of all bundles, in the order of the bundles."""
        return tuple(self._versions)

    @property
    def networks(self) -> Sequence[Sequence[Voice]]:
        """All voices as one group: they are of one network, or of versions of it, and equally fast."""
        return [self.voices]

    @property
    def versions(self) -> Iterable[tuple[Version[Any], float]]:
        """The voices' versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    async def start(self) -> None:
        """Load the bundles and warm up. Raises InvalidArgument for a bundle that cannot be served."""
        settings = self._settings.some("tts", self.name)
        device = devices.chosen(settings.device, settings.threads)
        for served in settings.bundles:
            await self._serve(served, device)
        self.device, self.version = device.name, self._versions.names

    async def stop(self) -> None:
        """Stop the networks of all bundles, failing what waits."""
        for model in {id(version.model): version.model for version, _ in self._versions.reported()}.values():
            await model.stop()

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the IPA symbols that pronunciations in the language may use."""
        voice = next(voice for voice in self.voices if voice.language == language)
        return tuple(sorted(language_of(voice.name).sounds))

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Synthesize a clause with the version that its session's affinity picks. Raises StageFailed, AtCapacity."""
        version = self._versions.pick(clause.voice, clause.affinity)
        piece_bytes = 2 * (self.sample_rate_hertz * PIECE_MS // 1000)
        with Measured(version, self.sample_rate_hertz) as measured:
            async with aclosing(self._speech(version.model, clause)) as speech:
                async for pcm in speech:
                    measured.made(pcm)
                    made = pcm.tobytes()
                    for start in range(0, len(made), piece_bytes):
                        yield made[start : start + piece_bytes]
                    measured.going_on()

    async def _speech(self, model: Model, clause: Clause) -> AsyncGenerator[Pcm, None]:
        """Yield the samples of the clause's sentences, trimmed of silence, with short pauses between."""
        pause = np.zeros(0, dtype="<i2")
        loudness, ahead = gain(clause.voice.name), Ahead()
        sentences = await model.sentences(clause)
        clause.tally.symbols = sum(len(sentence.ids) for sentence in sentences)
        for sentence in sentences:
            trimmer = Trimmer(self.sample_rate_hertz, quiet=BREATH)
            async with aclosing(model.speech(sentence, clause.affinity, ahead)) as speech:
                async for samples in speech:
                    if len(heard := trimmer.passed(pcm_of(loudness * samples))):
                        yield np.concatenate((pause, heard)) if len(pause) else heard
                        pause = pause[:0]
            if len(rest := trimmer.rest()):
                yield rest
                pause = np.zeros(round(self.sample_rate_hertz * PAUSE_MS / 1000 / clause.speaking_rate), dtype="<i2")

    async def _serve(self, served: Served, device: devices.Device) -> None:
        """Load a bundle, and serve its voices."""
        bundle = await asyncio.to_thread(bundles.opened, served.path, "tts", type(self).name, (LAYOUT,))
        model = await asyncio.to_thread(opened, bundle, device, self._settings, self.load)
        await model.start()
        for voice in model.voices:
            version = Version(bundle.manifest.name, bundle.manifest.version, voice.language, served.weight, model)
            self._versions.add(voice, version)
