from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from services.asr.engine import Endpoint, Speech, Terms
from services.asr.engines.sherpa.engine import Engine
from services.asr.engines.sherpa.hotwords import Alphabet
from services.asr.engines.sherpa.online import Online, OnlineModel, Traits, traits
from services.asr.settings import AsrSettings
from services.common.errors import StageFailed
from services.common.neural.batching import Batcher, Limits
from tests.models.asr.utterances import TRANSDUCER, utterance


class Broken:
    """A recognizer that has always a chunk, and breaks at it."""

    def __init__(self) -> None:
        self.tries = 0

    def create_stream(self) -> Any:
        return self

    def accept_waveform(self, rate: int, samples: Any) -> None: ...

    def is_ready(self, stream: Any) -> bool:
        return True

    def decode_streams(self, streams: Sequence[Any]) -> None:
        self.tries += 1
        raise RuntimeError("what the runtime said")


async def test_a_step_that_broke_is_not_tried_again_and_fails_the_session() -> None:
    recognizer = Broken()
    model = OnlineModel(recognizer, Traits(0, 0.08), Alphabet(frozenset(), False, False))
    batcher: Batcher[Any, Any] = Batcher("asr.step", model.advance, Limits())
    async with batcher:
        session = Online(model, batcher).session()
        with pytest.raises(StageFailed, match="RuntimeError"):
            await session.hear(Speech(np.zeros(1600, np.int16), 0))
    assert recognizer.tries == 1


def test_times_of_a_ctc_model_are_what_its_own_subsampling_makes_them() -> None:
    metadata = {"subsampling_factor": "8", "window_size": "25"}
    assert traits(metadata, ctc=True, beam=False, tail_ms=0).time_scale == 2.0
    assert traits(metadata, ctc=False, beam=False, tail_ms=0).time_scale == 1.0


async def test_a_glossary_term_is_heard_rather_than_what_sounds_like_it() -> None:
    pcm = utterance("we need two tickets please")
    heard = {}
    for terms in ((), ("three",), ("Ñandú", "three")):
        settings = {"bundles": [TRANSDUCER], "decoding": "beam", "hotword_score": 5.0}
        engine = Engine(AsrSettings(slots=2, sherpa=settings))
        await engine.start()

        async def asked(terms: tuple[str, ...] = terms) -> Any:
            yield Terms(terms)
            yield Speech(pcm, 0)
            yield Endpoint()

        heard[terms] = [hypothesis.text async for hypothesis in engine.recognize(asked(), "en-US")][-1]
        await engine.stop()
    assert "three" not in heard[()]
    assert "three" in heard[("three",)]
    assert heard[("Ñandú", "three")] == heard[("three",)]
