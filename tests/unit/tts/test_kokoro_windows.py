"""How many frames Kokoro decodes at a time, by the pace of the machine, and what a listener hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.engines.load import Load
from services.tts.engines.kokoro.network import HOP, STYLE, Frames, Sentence
from services.tts.engines.kokoro.speaking import KEPT, LATER, LEAST, LOOKAHEAD, Speaker
from services.tts.engines.kokoro.windows import FRAME_SECONDS, Ahead, Sizes
from services.tts.neural.running import Floats
from services.tts.settings import KokoroSettings

SIZES = Sizes(context=10, lookahead=8, least=10, first=20, later=24, most=80, budget_seconds=0.15)
SILENT = 3


class Machine:
    """A network that takes so many seconds for a frame, on a clock of its own."""

    def __init__(self, frame_seconds: float, frames: int = 200) -> None:
        self.now = 0.0
        self.decoded: list[int] = []  # frames of each window
        self._frame_seconds, self._count = frame_seconds, frames

    def frames(self, sentences: Sequence[Sentence]) -> list[Frames]:
        halves = np.zeros(2 * self._count, np.float32)
        content = np.zeros((512, self._count), np.float32)
        return [Frames(content, halves, halves, each.style, (KEPT, 1)) for each in sentences]

    def samples(self, windows: Sequence[Frames]) -> list[Floats]:
        self.now += self._frame_seconds * sum(each.count for each in windows)
        self.decoded += [each.count for each in windows]
        return [np.zeros(HOP * each.count, np.float32) for each in windows]


def heard_gaps(frames: int, frame_seconds: float) -> tuple[int, list[float]]:
    """What the first window keeps, and how long a listener waits for each of the others."""
    ahead, now, gaps = Ahead(), 0.0, []
    first = size = SIZES.beginning(frames, SILENT, frame_seconds)
    kept, ends = 0, 0.0
    while kept < frames:
        window = SIZES.window(kept, size, frames)
        now += (window.stop - window.start) * frame_seconds
        if kept:
            gaps.append(max(0.0, now - ends))
        ahead.made((window.last - window.first - (0 if kept else SILENT)) * FRAME_SECONDS, now)
        ends, kept = now + ahead.seconds(now), window.last
        size = SIZES.following(size, ahead.seconds(now), frame_seconds)
    return first, gaps


@given(st.integers(20, 400), st.floats(0.0005, 0.05))
def test_a_beginning_shorter_than_it_may_be_is_one_that_goes_on_without_a_gap(frames: int, pace: float) -> None:
    first, gaps = heard_gaps(frames, pace)
    allowed = max(SIZES.least, min(SIZES.first, int(SIZES.budget_seconds / pace) - SIZES.lookahead))
    assert SIZES.least <= first <= allowed
    if first < allowed:
        assert max(gaps, default=0.0) < 1e-6


def test_a_machine_that_just_keeps_pace_is_late_once_and_not_again() -> None:
    _, gaps = heard_gaps(400, 0.012)
    assert gaps[0] > 0.1
    assert max(gaps[1:]) < 1e-6


def test_a_fast_machine_makes_windows_as_long_as_what_is_still_to_be_heard_allows() -> None:
    fast, slow = (SIZES.following(20, 0.7, pace) for pace in (0.005, 0.01))
    assert (fast, slow) == (80, 43)
    assert SIZES.following(20, 0.0, 0.013) == 27  # late in any case: long enough for the next one not to be


def test_a_machine_slower_than_speech_doubles_its_windows() -> None:
    assert [SIZES.following(before, 0.1, 0.03) for before in (13, 26, 52, 80)] == [26, 52, 80, 80]


def test_what_is_ahead_is_counted_from_when_a_listener_could_hear_it() -> None:
    ahead = Ahead()
    assert ahead.seconds(7.0) == 0.0
    ahead.made(1.0, 7.0)
    ahead.made(1.0, 7.5)
    assert ahead.seconds(8.0) == pytest.approx(1.0)
    ahead.made(0.5, 20.0)  # after a gap
    assert ahead.seconds(20.1) == pytest.approx(0.4)


async def test_windows_follow_the_measured_pace_of_the_machine() -> None:
    fast, middle, slow = [await _windows(Machine(pace)) for pace in (0.002, 0.006, 0.014)]
    assert [each[0] - LOOKAHEAD for each in (fast, middle, slow)] == [LEAST, 15, LEAST]  # 15 go on without a gap
    assert fast[1] > middle[1] >= LATER


async def test_a_machine_shared_by_sessions_is_as_slow_as_it_is_for_each() -> None:
    machine = Machine(0.004)
    speaker = Speaker(machine, KokoroSettings(), Load("tts"), lambda: machine.now)  # type: ignore[arg-type]  # what a Network has, on a clock of its own
    await speaker.start()
    await _said(speaker, machine)
    alone = await _said(speaker, machine)
    others = [speaker.speech(_sentence(), number, Ahead()) for number in range(2, 6)]
    for each in others:
        await anext(each)
    shared = await _said(speaker, machine)
    for each in others:
        await each.aclose()
    assert await _said(speaker, machine) == alone
    await speaker.stop()
    assert shared[0] == LEAST + LOOKAHEAD < alone[0]


async def _windows(machine: Machine) -> list[int]:
    """The windows of the second of two clauses, when the pace is known."""
    speaker = Speaker(machine, KokoroSettings(), Load("tts"), lambda: machine.now)  # type: ignore[arg-type]  # what a Network has, on a clock of its own
    await speaker.start()
    await _said(speaker, machine)
    found = await _said(speaker, machine)
    await speaker.stop()
    return found


async def _said(speaker: Speaker, machine: Machine) -> list[int]:
    machine.decoded.clear()
    async with aclosing(speaker.speech(_sentence(), 1, Ahead())) as speech:
        count = sum([len(samples) async for samples in speech])
    assert count == HOP * 200
    return list(machine.decoded)


def _sentence() -> Sentence:
    return Sentence([1, 2, 3], np.zeros(STYLE, np.float32))
