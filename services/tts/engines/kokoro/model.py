"""A Kokoro bundle: its voices, phonemizers and network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from services.common.engines.load import Load
from services.common.neural import bundles
from services.common.neural.bundles import Bundle
from services.common.neural.devices import Device
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.engines.kokoro.network import Sentence, loaded, styles
from services.tts.engines.kokoro.speaking import Speaker
from services.tts.engines.kokoro.symbols import LANGUAGES, TIE, Language, ids, split
from services.tts.engines.kokoro.windows import Ahead
from services.tts.neural.phonemizer import Phonemizer
from services.tts.neural.running import Floats
from services.tts.neural.spelling import fragments, sentences
from services.tts.settings import KokoroSettings

LAYOUT = "kokoro"
_BEST = ("af_heart", "bf_emma", "ef_dora", "ff_siwis", "if_sara", "pf_dora")  # of each language, by their makers' notes


@dataclass(frozen=True, slots=True)
class Model:
    """Synthesizes sentences with all voices of a bundle."""

    speaker: Speaker
    styles: Mapping[str, Floats]  # [510, 256] of each voice
    phonemizers: Mapping[str, Phonemizer]  # by BCP-47 tag
    voices: tuple[Voice, ...]  # the default of each language first

    async def start(self) -> None:
        """Start the phonemizers and the network. Raises StageFailed or InvalidArgument when espeak-ng cannot be
        used.
        """
        for phonemizer in self.phonemizers.values():
            await phonemizer.start()
        await self.speaker.start()

    async def stop(self) -> None:
        """Stop the network, failing what waits."""
        await self.speaker.stop()

    async def sentences(self, clause: Clause) -> list[Sentence]:
        """Return the sentences of a clause in Kokoro's symbols, split where too long. Raises StageFailed."""
        language = language_of(clause.voice.name)
        cut = fragments(clause)
        texts = [each.said for each in cut if isinstance(each.said, str)]
        told = iter(await self.phonemizers[language.tag].phonemes(texts))
        phonemes = (
            language.pronounced(each.said.ipa) if isinstance(each.said, Pronunciation) else next(told) for each in cut
        )
        rows = self.styles[clause.voice.name]
        parts = [part for each in sentences(cut, phonemes) for part in split(language.written(each))]
        return [Sentence(ids(part), rows[min(len(part), len(rows)) - 1], clause.speaking_rate) for part in parts]

    def speech(self, sentence: Sentence, session: int, ahead: Ahead) -> AsyncGenerator[Floats, None]:
        """Yield a sentence's samples as they are made; `ahead` counts those of its clause. Raises StageFailed,
        AtCapacity.
        """
        return self.speaker.speech(sentence, session, ahead)


def language_of(voice: str) -> Language:
    """Return the language of a voice by its name, as in `ef_dora`. Raises KeyError for a language without symbols."""
    return _BY_LETTER[voice[:1]]


_BY_LETTER = {language.letter: language for language in LANGUAGES}


def opened(bundle: Bundle, device: Device, settings: KokoroSettings, load: Load) -> Model:
    """Load a bundle's model; its network counts as a part of the load. Blocking. Raises InvalidArgument."""
    rows = styles(bundle)
    languages = [language for language in LANGUAGES if language.tag in bundle.manifest.languages]
    if unknown := sorted(set(bundle.manifest.languages) - {language.tag for language in languages}):
        raise bundles.fault(bundle.folder, f"It names {', '.join(unknown)}, which is no language of this engine.")
    names = sorted(rows, key=lambda name: (name not in _BEST, name))
    voices = [Voice(name, language.tag) for language in languages for name in names if name[0] == language.letter]
    if silent := [each.tag for each in languages if each.tag not in {voice.language for voice in voices}]:
        raise bundles.fault(bundle.folder, f"It has no voice of {', '.join(silent)}.")
    phonemizers = {
        each.tag: Phonemizer(settings.program, each.espeak_voice, settings.reply_seconds, TIE) for each in languages
    }
    speaker = Speaker(loaded(bundle, device), settings, load)
    return Model(speaker, {voice.name: rows[voice.name] for voice in voices}, phonemizers, tuple(voices))
