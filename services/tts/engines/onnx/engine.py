"""VITS voices, as Piper and MMS publish them, on ONNX Runtime: on a GPU or not, in batches across sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
import soxr

from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.neural import bundles, devices
from services.common.neural.settings import Served
from services.tts.engine import Clause, Voice
from services.tts.engines.onnx.layouts import LAYOUTS
from services.tts.engines.onnx.voice import NeuralVoice, opened
from services.tts.neural.measures import Measured, pcm_of
from services.tts.neural.running import Floats
from services.tts.settings import TtsSettings

PIECE_MS = 80


class Engine:
    """Serves the VITS voices of some bundles. Bundles of the same name are versions of one voice."""

    name = "onnx"

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings.onnx
        self.patience_seconds = self._settings.reply_seconds + self._settings.answer_seconds
        self.load = Load("tts")
        self.device = self.version = ""
        self.sample_rate_hertz = 0
        self._speakers: dict[Voice, tuple[str, int]] = {}  # the bundles' name, and the speaker's number in them
        self._versions: Versions[str, NeuralVoice] = Versions()

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices in the order of the bundles, named `name#speaker` where a bundle has several speakers."""
        return tuple(self._speakers)

    @property
    def networks(self) -> Sequence[Sequence[Voice]]:
        """The voices grouped by network; versions of a bundle count as one."""
        names = dict.fromkeys(name for name, _ in self._speakers.values())
        return [[voice for voice, (own, _) in self._speakers.items() if own == name] for name in names]

    @property
    def versions(self) -> Iterable[tuple[Version[Any], float]]:
        """The voices' versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    @property
    def pronounces(self) -> bool:
        """Whether any voice takes pronunciations: those that read phonemes do."""
        return any(version.model.sounds for version, _ in self._versions.reported())

    async def start(self) -> None:
        """Load the bundles and warm up. Raises InvalidArgument for a bundle that cannot be served."""
        settings = self._settings.some("tts", self.name)
        device = devices.chosen(settings.device, settings.threads, cudnn_conv_algo_search="HEURISTIC")
        for served in settings.bundles:
            await self._serve(served, device)
        rates = [version.model.told.sample_rate_hertz for version, _ in self._versions.reported()]
        self.sample_rate_hertz = settings.sample_rate_hertz or max(rates)
        self.device, self.version = device.name, self._versions.names

    async def stop(self) -> None:
        """Stop the networks of all voices, failing what waits."""
        for version, _ in self._versions.reported():
            await version.model.stop()

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the IPA symbols that all voices of the language have in common."""
        names = {name for voice, (name, _) in self._speakers.items() if voice.language == language}
        known = [each.model.sounds for each, _ in self._versions.reported() if each.bundle in names]
        return tuple(sorted(frozenset.intersection(*known)))

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Synthesize a clause with the version that its session's affinity picks. Raises StageFailed, AtCapacity."""
        name, speaker = self._speakers[clause.voice]
        version = self._versions.pick(name, clause.affinity)
        piece_bytes = 2 * (self.sample_rate_hertz * PIECE_MS // 1000)
        with Measured(version, self.sample_rate_hertz) as measured:
            async with aclosing(self._resampled(version.model, clause, speaker)) as speech:
                async for samples in speech:
                    measured.made(pcm := pcm_of(samples))
                    made = pcm.tobytes()
                    for start in range(0, len(made), piece_bytes):
                        yield made[start : start + piece_bytes]
                    measured.going_on()

    async def _resampled(self, voice: NeuralVoice, clause: Clause, speaker: int) -> AsyncGenerator[Floats, None]:
        """Yield the clause's samples, resampled to the engine's rate."""
        rate = voice.told.sample_rate_hertz
        if rate == self.sample_rate_hertz:
            resampler = None
        else:
            resampler = soxr.ResampleStream(rate, self.sample_rate_hertz, 1, dtype="float32")
        sentences = await voice.sentences(clause, speaker)
        clause.tally.symbols = sum(len(sentence.ids) for sentence in sentences)
        for sentence in sentences:
            async with aclosing(voice.speech(sentence, clause.affinity)) as speech:
                async for samples in speech:
                    yield samples if resampler is None else resampler.resample_chunk(samples)
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    async def _serve(self, served: Served, device: devices.Device) -> None:
        """Load a bundle, and serve its voices."""
        bundle = await asyncio.to_thread(bundles.opened, served.path, "tts", type(self).name, LAYOUTS)
        manifest = bundle.manifest
        if len(manifest.languages) != 1:
            raise bundles.fault(bundle.folder, "It names several languages; a voice speaks one.")
        model = await asyncio.to_thread(opened, bundle, device, self._settings, self.load)
        told = {
            Voice(f"{manifest.name}#{speaker}", manifest.languages[0]): (manifest.name, number)
            for speaker, number in model.told.speakers.items()
        } or {Voice(manifest.name, manifest.languages[0]): (manifest.name, 0)}
        known = {voice: place for voice, place in self._speakers.items() if place[0] == manifest.name}
        if known and known != told:
            raise bundles.fault(bundle.folder, "It has another language or other speakers than its other version.")
        await model.start()
        self._speakers.update(told)
        self._versions.add(
            manifest.name, Version(manifest.name, manifest.version, manifest.languages[0], served.weight, model)
        )
