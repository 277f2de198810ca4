"""Chooses how a session is recognized: an engine per language, or a tier per segment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from services.asr.deciding import Deciding
from services.asr.engine import Heard, Hypothesis
from services.asr.recognizer import Recognition
from services.asr.segments import Segments
from services.asr.serving import Engines, called
from services.asr.settings import IdentificationSettings
from services.asr.several_languages import Ear, SeveralLanguages
from services.asr.tiered import Tier, Tiered
from services.asr.wire import SessionConfig


@contextmanager
def recognition(
    engines: Engines, identification: IdentificationSettings, config: SessionConfig, segments: Segments
) -> Iterator[Recognition]:
    """Provide the recognition of a session for as long as the block lasts."""
    with ExitStack() as open_ears:
        opened = {each: _ear(engines, config, segments, each) for each in config.transcriptions}
        ears = {language: open_ears.enter_context(ear) for language, ear in opened.items()}
        if len(ears) == 1 or engines.identifier is None:
            yield ears[config.transcription.language].recognize
            return
        deciding = Deciding(config.transcription.language, identification, config.first_language)
        yield SeveralLanguages(ears, engines.identifier.identify, deciding).recognize


@contextmanager
def _ear(engines: Engines, config: SessionConfig, segments: Segments, language: str) -> Iterator[Ear]:
    """Provide the recognizer of one of the session's languages; a language with tiers has its own ladder of them."""
    tiering = engines.tiering
    if not tiering.has(language):
        engine = engines.of(language)
        yield Ear(partial(engine.recognize, language=language, affinity=config.affinity), engine.biased)
        return
    session = object()

    def choose() -> Tier:
        given = tiering.pick(language, session, config.objective_ms)
        engine = engines.tier(given.tier)
        transcription = config.manner.transcription(language, engine)
        segments.turn(replace(transcription, tier=given.tier, larger_tiers=given.larger))
        return Tier(engine, called(engine, language), partial(tiering.answered, language, given))

    def recognize(heard: AsyncIterator[Heard]) -> AsyncGenerator[Hypothesis, None]:
        return Tiered(choose, config.affinity).recognize(heard)

    try:
        yield Ear(recognize, engines.takes_terms(language))
    finally:
        tiering.left(language, session)
