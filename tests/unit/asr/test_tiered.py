from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms, Word
from services.asr.tiered import Lateness, Tier, Tiered
from services.common.audio.pcm import ASR_RATE

SECOND = np.zeros(ASR_RATE, dtype=np.int16)
END = Endpoint()


class Named:
    """A recognizer that hears its own name in each segment, and remembers what it was given."""

    def __init__(self, name: str, biased: bool = False) -> None:
        self.name = name
        self.biased = biased
        self.given: list[str] = []

    async def recognize(self, heard: AsyncIterator[Heard], language: str, affinity: int = 0) -> Any:
        self.given.append(f"open {language}")
        async for item in heard:
            self.given.append(type(item).__name__)
            if isinstance(item, Endpoint):
                yield Hypothesis((Word(self.name, 0, 1),), final=True)
        self.given.append("close")


class Script:
    """Gives tiers in the order it was told, and a clock that each look moves on by a second."""

    def __init__(self, *engines: Named) -> None:
        self.answers: list[float] = []
        self._engines = iter(engines)
        self._now = 0.0

    def choose(self) -> Tier:
        engine: Any = next(self._engines)
        return Tier(engine, "en", self.answers.append)

    def clock(self) -> float:
        self._now += 1.0
        return self._now


async def _told(items: Sequence[Heard]) -> AsyncGenerator[Heard, None]:
    for item in items:
        yield item


async def _recognized(script: Script, items: Sequence[Heard]) -> list[str]:
    guesses = Tiered(script.choose, 0, script.clock).recognize(_told(items))
    return [guess.text async for guess in guesses]


def _speech(waiting_samples: int = 0) -> Speech:
    return Speech(SECOND, 0, waiting_samples)


async def test_each_segment_is_recognized_by_the_tier_it_gets() -> None:
    small, large = Named("small"), Named("large")
    script = Script(large, small, small, large)
    segment: list[Heard] = [_speech(), _speech(), END]
    assert await _recognized(script, segment * 4) == ["large", "small", "small", "large"]


async def test_an_engine_goes_on_while_the_tier_stays_and_ends_when_another_takes_over() -> None:
    small, large = Named("small"), Named("large")
    await _recognized(Script(small, small, large), [_speech(), END] * 3)
    assert small.given == ["open en", "Speech", "Endpoint", "Speech", "Endpoint", "close"]
    assert large.given == ["open en", "Speech", "Endpoint", "close"]


async def test_an_engine_that_takes_over_is_told_the_terms_in_force_where_it_takes_any() -> None:
    deaf, keen = Named("deaf"), Named("keen", biased=True)
    items: list[Heard] = [Terms(("one",)), _speech(), END, _speech(), END]
    await _recognized(Script(deaf, keen), items)
    assert deaf.given == ["open en", "Speech", "Endpoint", "close"]
    assert keen.given == ["open en", "Terms", "Speech", "Endpoint", "close"]


async def test_terms_within_a_stretch_reach_an_engine_that_takes_them() -> None:
    keen = Named("keen", biased=True)
    await _recognized(Script(keen, keen), [_speech(), END, Terms(("one",)), _speech(), END])
    assert keen.given == ["open en", "Speech", "Endpoint", "Terms", "Speech", "Endpoint", "close"]


async def test_without_speech_no_tier_is_chosen() -> None:
    assert await _recognized(Script(), [Terms(("one",))]) == []


async def test_each_final_is_answered_once() -> None:
    engine = Named("only")
    script = Script(engine, engine)
    await _recognized(script, [_speech(), END] * 2)
    assert script.answers == [1.0, 1.0]


@pytest.mark.parametrize(
    ("begun_behind", "ended_behind", "took", "late"),
    [
        (0.0, 0.0, 3.0, 0.4),  # live, at once: from the end to the final
        (0.0, 1.0, 4.0, 1.4),  # live, and the engine fell a second behind
        (1.0, 1.0, 0.6, 0.4),  # a recording, which waits because it comes faster than it was spoken
    ],
)
def test_lateness_counts_what_a_listener_waits(
    begun_behind: float, ended_behind: float, took: float, late: float
) -> None:
    lateness = Lateness(10.0, _speech(round(begun_behind * ASR_RATE)))
    lateness.hear(_speech())
    lateness.hear(_speech(round(ended_behind * ASR_RATE)))
    lateness.end(10.0 + took)
    assert lateness.seconds(10.0 + took + 0.4) == pytest.approx(late)


def test_what_was_said_before_a_late_start_is_no_time_that_an_engine_had() -> None:
    whole = Speech(np.tile(SECOND, 3), 0)  # live, and heard again in another language
    lateness = Lateness(10.0, whole)
    lateness.hear(_speech(ASR_RATE))
    lateness.end(12.0)
    assert lateness.seconds(12.4) == pytest.approx(1.4)
