from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

import numpy as np

from services.asr.deciding import Deciding
from services.asr.engine import Endpoint, Heard, Hypothesis, Language, Speech, Terms, Word
from services.asr.settings import IdentificationSettings
from services.asr.several_languages import Ear, SeveralLanguages
from services.common.audio.pcm import ASR_RATE

SECOND = np.ones(ASR_RATE, np.int16)


class FakeEar:
    """Hears one word a second, in its language, and notes what it was given."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.given: list[str] = []
        self.hurried: list[bool] = []

    async def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[Hypothesis, None]:
        words: list[Word] = []
        async for item in heard:
            match item:
                case Speech(pcm, offset_samples):
                    seconds = len(pcm) // ASR_RATE
                    self.hurried.append(item.hurried)
                    self.given.append(f"{offset_samples // ASR_RATE}+{seconds}")
                    words += [Word(self._language, 0, 0)] * seconds
                    yield Hypothesis(tuple(words))
                case Endpoint():
                    self.given.append("end")
                    yield Hypothesis(tuple(words), final=True)
                    words = []
                case Terms(phrases):
                    self.given.append(phrases[0])


class Scene:
    """A session in English and Spanish, whose looks find what a test says."""

    def __init__(self, *found: Language, biased: bool = False) -> None:
        self.ears = {"en": FakeEar("en"), "es": FakeEar("es")}
        self.looked_at: list[int] = []
        self._found = list(found)
        self._biased = biased

    async def identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        assert tuple(allowed) == ("en", "es")
        self.looked_at.append(len(speech.pcm) // ASR_RATE)
        return self._found.pop(0)

    async def hear(self, *items: Heard) -> list[str]:
        """What came of it: the words, with a question mark while the language is tentative, a full stop at the end."""

        async def heard() -> AsyncIterator[Heard]:
            for item in items:
                yield item

        deciding = Deciding("en", IdentificationSettings(first_ms=2000, looks=2, sure=0.9, least=0.6))
        ears = {language: Ear(ear.recognize, self._biased) for language, ear in self.ears.items()}
        session = SeveralLanguages(ears, self.identify, deciding)
        return [
            f"{each.language.tag}: {each.text}{'?' * each.language.tentative}{'.' * each.final}"
            async for each in session.recognize(heard())
        ]


def said(first_second: int, seconds: int) -> list[Heard]:
    return [Speech(SECOND, (first_second + place) * ASR_RATE) for place in range(seconds)]


async def test_speech_in_the_guessed_language_goes_on_in_it() -> None:
    scene = Scene(Language("en", 0.95))
    told = await scene.hear(*said(0, 3), Endpoint())
    assert told == ["en: en?", "en: en en", "en: en en en", "en: en en en."]
    assert scene.looked_at == [2]
    assert not scene.ears["es"].given


async def test_speech_in_another_language_is_heard_again_from_its_start() -> None:
    scene = Scene(Language("es", 0.95))
    told = await scene.hear(*said(5, 3), Endpoint())
    assert told == ["en: en?", "es: es es", "es: es es es", "es: es es es."]
    assert scene.ears["es"].given == ["5+2", "7+1", "end"]


async def test_an_utterance_too_short_for_a_look_is_decided_at_its_end() -> None:
    scene = Scene(Language("es", 0.95), Language("en", 0.95))
    told = await scene.hear(*said(0, 1), Endpoint(), *said(3, 1), Endpoint())
    assert told == ["en: en?", "es: es", "es: es.", "es: es?", "en: en", "en: en."]
    assert scene.ears["es"].given == ["0+1", "end", "3+1"]
    assert scene.ears["en"].given == ["0+1", "3+1", "end"]


async def test_what_is_heard_again_of_a_hurried_session_is_hurried_too() -> None:
    scene = Scene(Language("es", 0.95))
    await scene.hear(*(replace(each, hurried=True) for each in said(0, 3) if isinstance(each, Speech)), Endpoint())
    assert scene.ears["es"].hurried == [True, True]


async def test_an_unsure_guess_may_be_taken_back() -> None:
    scene = Scene(Language("es", 0.7), Language("en", 0.95))
    told = await scene.hear(*said(0, 4), Endpoint())
    assert told == ["en: en?", "es: es es?", "es: es es es?", "en: en en en en", "en: en en en en."]


async def test_the_rest_of_a_split_utterance_needs_no_look() -> None:
    scene = Scene(Language("es", 0.95))
    told = await scene.hear(*said(0, 2), Endpoint(split=True), *said(2, 3), Endpoint())
    assert told[-1] == "es: es es es."
    assert scene.looked_at == [2]


async def test_an_engine_is_given_the_terms_in_force_when_its_turn_comes() -> None:
    scene = Scene(Language("es", 0.95), biased=True)
    await scene.hear(Terms(("SIP",)), *said(0, 2), Endpoint())
    assert scene.ears["en"].given == ["SIP", "0+1"]
    assert scene.ears["es"].given == ["SIP", "0+2", "end"]


async def test_an_engine_that_takes_no_terms_is_given_none() -> None:
    scene = Scene(Language("es", 0.95))
    await scene.hear(Terms(("SIP",)), *said(0, 2), Endpoint())
    assert "SIP" not in scene.ears["en"].given + scene.ears["es"].given


async def test_a_session_that_ends_without_a_segment_is_over() -> None:
    assert await Scene().hear() == []
