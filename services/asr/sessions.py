"""How a session is recognized: by the engine of its language, or each segment by the tier that it gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from services.asr.recognizer import Recognition
from services.asr.segments import Segments
from services.asr.serving import Engines, called
from services.asr.tiered import Tier, Tiered
from services.asr.wire import SessionConfig


@contextmanager
def recognition(engines: Engines, config: SessionConfig, segments: Segments) -> Iterator[Recognition]:
    """The recognition of a session, which lasts as long as the block."""
    language, tiering = config.transcription.language, engines.tiering
    if not tiering.has(language):
        engine = engines.of(language)
        tag = called(engine, language)
        yield partial(engine.recognize, language=tag, affinity=config.affinity)
        return
    session = object()

    def choose() -> Tier:
        given = tiering.pick(language, session, config.objective_ms)
        engine = engines.tier(given.tier)
        transcription = config.transcription_of(engine)
        segments.turn(replace(transcription, tier=given.tier, larger_tiers=given.larger))
        return Tier(engine, called(engine, language), partial(tiering.answered, language, given))

    try:
        yield Tiered(choose, config.affinity).recognize
    finally:
        tiering.left(language, session)
