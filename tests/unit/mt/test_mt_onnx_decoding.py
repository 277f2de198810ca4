from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from services.common.errors import AtCapacity, StageFailed
from services.mt.engine import Pair
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Loaded
from services.mt.engines.onnx.model import Answers, Asked
from services.mt.neural.jobs import Job, Text, Turn, next_up
from services.mt.neural.loop import Loop
from tests.unit.mt.onnx_models import batch, loaded

PAIR = Pair("en", "es")
SENTENCES = (
    "where is the car",
    "i need the car",
    "the car is here",
    "this is my car",
    "we have the car today",
    "my name is ana",
    "Where is the station?",
    "thank you",
)


def text(model: Loaded, sentence: str, prefix: str = "") -> Text:
    prompt = [*model.tokenizer.prompt(PAIR), *model.tokenizer.target(prefix)]
    return Text(model.tokenizer.source(sentence, PAIR), prompt, 40)


def alone(under_way: Batch, one: Text) -> list[tuple[list[int], float]]:
    job = Job(one)
    under_way.join([job])
    while under_way.jobs:
        under_way.step()
    return job.future.result()


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_is_decoded_the_same_whoever_joins_and_leaves_beside_it(beams: int) -> None:
    model = loaded(beams, rows=4 * beams)
    under_way = batch(model)
    texts = [text(model, sentence, prefix) for sentence in SENTENCES for prefix in ("", "el", "no sé dónde está")]
    expected = [alone(under_way, one)[0][0] for one in texts]
    chance = random.Random(7)
    jobs = [Job(one) for one in texts]
    waiting = list(jobs)
    while waiting or under_way.jobs:
        count = min(under_way.free, chance.randrange(3))
        if count and waiting:
            under_way.join(waiting[:count])
            waiting = waiting[count:]
        if under_way.jobs:
            under_way.step()
    assert [job.future.result()[0][0] for job in jobs] == expected


def test_several_beams_find_several_translations_best_first() -> None:
    model = loaded(beams=4)
    found = alone(batch(model), text(model, "we have the car today"))
    assert len(found) == 4
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert len({tuple(ids) for ids, _ in found}) == 4


def test_a_translation_has_no_more_tokens_than_it_may() -> None:
    model = loaded()
    one = text(model, "we have the car today")
    ((ids, _),) = alone(batch(model), Text(one.source, one.prompt, 3))
    assert len(ids) == 3


def test_likelihoods_of_a_translation_are_those_it_was_decoded_with() -> None:
    model = loaded(beams=2)
    one = text(model, "where is the car")
    ids, score = alone(batch(model), one)[0]
    picks = range(len(one.prompt) - 1, len(one.prompt) + len(ids) - 1)
    scores = model.model.score(one.source, [*one.prompt, *ids], picks, ids)
    likelihood = sum(scores[place][place] for place in range(len(ids)))
    assert likelihood / len(ids) == pytest.approx(score, abs=1e-4)


class Breaking:
    """A model that breaks over a certain id, at the first token or later."""

    def __init__(self, whole: Any, bad: int, late: bool) -> None:
        self._whole, self._bad, self._late = whole, bad, late
        self._is_here = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def join(self, sources: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]], asked: Asked) -> Answers:
        self._is_here = self._is_here or any(self._bad in source for source in sources)
        if self._is_here and not self._late:
            raise MemoryError
        answers: Answers = self._whole.join(sources, prompts, asked)
        return answers

    def step(self, ids: Any, positions: Any, asked: Asked) -> Answers:
        if self._is_here:
            raise MemoryError
        answers: Answers = self._whole.step(ids, positions, asked)
        return answers

    def clear(self) -> None:
        self._is_here = False
        self._whole.clear()


@pytest.mark.parametrize("late", [False, True])
async def test_a_text_that_breaks_the_model_fails_alone(late: bool) -> None:
    model = loaded(rows=6)
    good = [text(model, sentence) for sentence in SENTENCES[:5]]
    expected = [alone(batch(model), one)[0][0] for one in good]
    bad = Text([*good[0].source[:-1], 7, good[0].source[-1]], good[0].prompt, 40)
    assert not any(7 in one.source for one in good)
    broken: Any = Breaking(model.model, 7, late)
    subject = Loop(Batch(broken, model.tokenizer.begins(model.ids)), queue=20)
    asked = [Job(one) for one in [*good[:2], bad, *good[2:]]]
    results = await asyncio.gather(*(subject.decode(job) for job in asked), return_exceptions=True)
    await subject.close()
    failed = results.pop(2)
    assert isinstance(failed, StageFailed)
    assert failed.code == "MT_ENGINE_FAILED"
    assert [found[0][0] for found in results if not isinstance(found, BaseException)] == expected


class Held:
    """A model whose steps wait until they are let go."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self.steps = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def step(self, ids: Any, positions: Any, asked: Asked) -> Answers:
        self.entered.release()
        self.steps.acquire()
        answers: Answers = self._whole.step(ids, positions, asked)
        return answers


async def test_a_cancelled_text_makes_place_for_the_next_and_too_many_are_refused() -> None:
    model = loaded(rows=1)
    held: Any = Held(model.model)
    subject = Loop(Batch(held, model.tokenizer.begins(model.ids)), queue=1)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(subject.decode(Job(text(model, SENTENCES[0]))))
        await asyncio.to_thread(held.entered.acquire)
        second = tasks.create_task(subject.decode(Job(text(model, SENTENCES[1]))))
        await asyncio.sleep(0)
        with pytest.raises(AtCapacity):
            await subject.decode(Job(text(model, SENTENCES[2])))
        first.cancel()
        held.steps.release(1_000)
    assert first.cancelled()
    assert second.result()
    await subject.close()


async def test_what_is_under_way_fails_when_the_engine_stops() -> None:
    model = loaded(rows=1)
    held: Any = Held(model.model)
    subject = Loop(Batch(held, model.tokenizer.begins(model.ids)), queue=2)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(fault(subject, Job(text(model, SENTENCES[0]))))
        await asyncio.to_thread(held.entered.acquire)
        closing = tasks.create_task(subject.close())
        await asyncio.sleep(0)
        held.steps.release(1_000)
    assert closing.done()
    assert asked.result().code == "MT_ENGINE_FAILED"
    with pytest.raises(StageFailed):
        await subject.decode(Job(text(model, SENTENCES[0])))


async def fault(subject: Loop, job: Job) -> StageFailed:
    with pytest.raises(StageFailed) as caught:
        await subject.decode(job)
    return caught.value


def job(final: bool, session: int) -> Job:
    return Job(Text((), (), 1), Turn(final, session))


def test_finals_go_first_and_sessions_take_turns() -> None:
    interim, again, other, final = job(False, 1), job(True, 1), job(True, 2), job(True, 1)
    assert next_up([interim, again, final, other], [], 4) == [again, other, final, interim]
    assert next_up([interim, again, other], [job(True, 1)], 1) == [other]
    assert next_up([interim], [], 0) == []
