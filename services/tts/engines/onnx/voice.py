"""A bundle's voice: its description, phonemizer and network."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from services.common.engines.load import Load
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device
from services.tts.engine import Clause, Pronunciation
from services.tts.engines.onnx.feeds import Sentence
from services.tts.engines.onnx.layouts import Described, Scales, described
from services.tts.engines.onnx.loading import loaded
from services.tts.engines.onnx.network import Parts
from services.tts.engines.onnx.speaking import AtOnce, Batches, InWindows, Speaker
from services.tts.neural.phonemizer import Phonemizer
from services.tts.neural.running import Floats
from services.tts.neural.spelling import Characters, fragments, sentences
from services.tts.settings import OnnxSettings


class NeuralVoice:
    """Synthesizes the sentences of clauses, with all speakers of a voice."""

    def __init__(self, told: Described, speaker: Speaker, phonemizer: Phonemizer) -> None:
        self.told = told
        self._speaker = speaker
        self._phonemizer = phonemizer

    async def start(self) -> None:
        """Start the phonemizer and the network. Raises StageFailed or InvalidArgument when espeak-ng cannot be used."""
        if self.told.espeak_voice:
            await self._phonemizer.start()
        await self._speaker.start()

    async def stop(self) -> None:
        """Stop the network, failing what waits."""
        await self._speaker.stop()

    @property
    def sounds(self) -> frozenset[str]:
        """The IPA symbols that pronunciations may use; none when the voice reads characters."""
        symbols = self.told.symbols
        return (
            frozenset() if isinstance(symbols, Characters) or not self.told.espeak_voice else frozenset(symbols.sounds)
        )

    async def sentences(self, clause: Clause, speaker: int) -> list[Sentence]:
        """Return the sentences of a clause in the voice's symbols. Raises StageFailed."""
        spelled = await self._spelled(clause)
        return [Sentence(ids, 1 / clause.speaking_rate, speaker) for ids in spelled if ids]

    def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """Yield a sentence's samples at the voice's own rate, as they are made. Raises StageFailed, AtCapacity."""
        return self._speaker.speech(sentence, session)

    async def _spelled(self, clause: Clause) -> list[list[int]]:
        symbols = self.told.symbols
        if isinstance(symbols, Characters):
            return [symbols.spelled(clause.text)]
        cut = fragments(clause)
        texts = [each.said for each in cut if isinstance(each.said, str)]
        told = iter(await self._phonemizer.phonemes(texts) if self.told.espeak_voice else texts)
        phonemes = (
            symbols.pronounced(each.said.ipa) if isinstance(each.said, Pronunciation) else next(told) for each in cut
        )
        return [symbols.spelled(sentence) for sentence in sentences(cut, phonemes)]


def opened(bundle: Bundle, device: Device, settings: OnnxSettings, load: Load) -> NeuralVoice:
    """Load and try a bundle's voice; its network counts as a part of the load. Blocking. Raises InvalidArgument."""
    if not settings.batch_items:  # a GPU computes many in little more than the time of one, a CPU one after the other
        settings = settings.model_copy(update={"batch_items": 16 if device.kind == "cuda" else 1})
    told = described(bundle)
    network = loaded(bundle, told, _used(bundle, told.scales, settings), device)
    batches = Batches(settings, load)
    if isinstance(network, Parts):
        speaker: Speaker = InWindows(network, told.sample_rate_hertz, batches, even=settings.batch_items > 1)
    else:
        speaker = AtOnce(network, batches)
    return NeuralVoice(told, speaker, Phonemizer(settings.program, told.espeak_voice, settings.reply_seconds))


def _used(bundle: Bundle, own: Scales, settings: OnnxSettings) -> Scales:
    """Return the scales to use, by settings and voice. Raises InvalidArgument for noise in a network that has none."""
    noise = own.noise if settings.noise is None else settings.noise
    duration_noise = own.duration_noise if settings.duration_noise is None else settings.duration_noise
    if bundle.manifest.layout == "mms" and ((noise and not own.noise) or (duration_noise and not own.duration_noise)):
        raise fault(bundle.folder, "It was exported without noise: noise and duration_noise can only be 0.")
    return Scales(noise, own.length, duration_noise)
