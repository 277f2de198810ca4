"""Models that hear whole recordings, on a recognizer that hears how long one is: the real ones are too large here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from services.asr.engine import Speech
from services.asr.engines.sherpa.offline import Offline, OfflineModel, OfflineSession
from services.common.audio.pcm import ASR_RATE
from services.common.errors import StageFailed
from services.common.neural.batching import Batcher, Limits

CHUNK = np.zeros(ASR_RATE // 10, np.int16)
START = 50_000


@dataclass
class Result:
    text: str
    tokens: list[str] = field(default_factory=list)
    timestamps: list[float] = field(default_factory=list)
    ys_log_probs: list[float] = field(default_factory=list)


class Stream:
    result: Result

    def accept_waveform(self, rate: int, samples: Any) -> None:
        self.seconds = len(samples) / rate


class Recognizer:
    """Hears a word a second of each recording."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []

    def create_stream(self) -> Stream:
        return Stream()

    def decode_streams(self, streams: Sequence[Stream]) -> None:
        self.batches.append([stream.seconds for stream in streams])
        for stream in streams:
            if stream.seconds > 9:
                raise RuntimeError("out of memory")
            words = [f"w{number}" for number in range(int(stream.seconds))]
            stream.result = Result(" " + " ".join(words))


@pytest.fixture
def recognizer() -> Recognizer:
    return Recognizer()


@pytest.fixture
async def session(recognizer: Recognizer) -> AsyncIterator[OfflineSession]:
    model = OfflineModel(recognizer, most_seconds=5.0)
    batcher: Batcher[Any, Any] = Batcher("asr.recognition", model.recognize, Limits())
    async with batcher:
        yield Offline(model, batcher, hypothesis_samples=ASR_RATE).session()


async def hear(session: OfflineSession, seconds: float, start_samples: int = START) -> list[str]:
    found = []
    for number in range(round(seconds * 10)):
        hypothesis = await session.hear(Speech(CHUNK, start_samples + number * len(CHUNK)))
        if hypothesis:
            found.append(hypothesis.text)
    return found


async def test_the_open_segment_is_heard_again_as_it_grows(session: OfflineSession) -> None:
    assert await hear(session, 3.5) == ["w0", "w0 w1", "w0 w1 w2"]


async def test_the_final_has_all_of_the_segment_and_the_next_starts_anew(session: OfflineSession) -> None:
    await hear(session, 2.5)
    final = await session.end()
    assert (final.final, final.text) == (True, "w0 w1")
    assert final.words[0].start_samples == START
    assert final.words[-1].end_samples == START + 25 * len(CHUNK)
    assert await hear(session, 1.5, START + 100_000) == ["w0"]


async def test_a_segment_without_audio_has_an_empty_final(session: OfflineSession) -> None:
    assert (await session.end()).words == ()


async def test_what_is_longer_than_a_model_hears_at_once_is_heard_in_parts(
    session: OfflineSession, recognizer: Recognizer
) -> None:
    await hear(session, 7.0)
    recognizer.batches.clear()
    final = await session.end()
    assert recognizer.batches == [[5.0], [2.0]]
    assert final.text == "w0 w1 w2 w3 w4 w0 w1"
    assert final.words[5].start_samples == START + 5 * ASR_RATE


async def test_a_recognizer_that_raises_fails_the_session(recognizer: Recognizer) -> None:
    model = OfflineModel(recognizer, most_seconds=0.0)
    batcher: Batcher[Any, Any] = Batcher("asr.recognition", model.recognize, Limits())
    async with batcher:
        session = Offline(model, batcher, hypothesis_samples=60 * ASR_RATE).session()
        await hear(session, 9.5)
        with pytest.raises(StageFailed, match="RuntimeError"):
            await session.end()
